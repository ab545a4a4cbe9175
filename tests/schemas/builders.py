"""Records and data with defaults for everything; the examples of contract.md word for word."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import settings

from schemas.envelope import binary_headers
from schemas.errors import DeadLetterReason, Undecodable
from schemas.read import read
from schemas.topics import (
    FAST_LAKARKONTAKT,
    KIV_STAFF,
    KIV_UNIT,
    LISTNING_CLOCK,
    LISTNING_COMMAND,
    LISTNING_DOCTOR,
    LISTNING_REPLY,
    VARDVAL_LISTING,
)

Json = dict[str, Any]
Headers = Sequence[tuple[str, bytes | None]]

#: examples of a property: as many as stay quick, and no limit on a busy machine's time for one
calm = settings(max_examples=150, deadline=None)

PATIENT = "199006022397"
NEW_PATIENT = "201701012393"
UNIT = "SE2321000131-E000000000712"
OTHER_UNIT = "SE2321000131-E000000000799"
DOCTOR = "SE2321000131-E000000007623"
AT = datetime(2026, 5, 26, 9, 13, 5, tzinfo=UTC)

STAFF_DATA: Json = {
    "hsa_id": DOCTOR,
    "version": 20260504083000,
    "vgr_id": "jonka3",
    "given_name": "Jon",
    "surname": "Karlström",
    "protected": False,
    "licences": ["LK"],
    "specialties": ["20200"],
    "employments": [
        {
            "unit_hsa_id": UNIT,
            "position_code": "202010",
            "title": "Geriatriker",
            "start": "2023-11-05",
            "end": None,
            "absences": [{"start": "2026-07-01", "end": "2026-08-15"}],
        }
    ],
}
UNIT_DATA: Json = {
    "hsa_id": UNIT,
    "version": 20260101000000,
    "name": "Vårdcentralen Majorna",
    "kind": "vardcentral",
    "care_giver_hsa_id": "SE2321000131-E000000000001",
    "start": "2009-10-01",
    "end": None,
    "replaced_by": None,
}
LISTING_DATA: Json = {
    "patient_id": PATIENT,
    "sequence": 5,
    "protected": False,
    "current": {"unit_hsa_id": UNIT, "valid_from": "2026-02-17", "reason": "Aktivt val på vårdcentral"},
    "upcoming": {"unit_hsa_id": OTHER_UNIT, "valid_from": "2026-06-01", "reason": "Aktivt val via 1177"},
    "care_burden": 1.37,
}
REPLY_DATA: Json = {
    "command_id": "7d0c...",
    "command_type": "link-patient",
    "unit_hsa_id": UNIT,
    "outcome": "refused",
    "code": "ceiling_reached",
    "message": "Läkarens patienttak är nått.",
    "counts": {"total": 1, "approved": 0, "faulty": 1, "updated": 0},
    "faulty_rows": [
        {"row": 17, "code": "patient_not_listed", "message": "Personnummer matchar inte vårdcentral vårdval"}
    ],
}
FAST_LAKARKONTAKT_DATA: Json = {
    "patient_id": PATIENT,
    "revision": 3,
    "status": "active",
    "change": "assigned",
    "reason": "linked_by_unit",
    "type": {"system": "1.2.752.129.5.1.69", "code": "2"},
    "doctor": {"hsa_id": DOCTOR, "name": "Jon Karlström", "title": "Geriatriker"},
    "unit": {"hsa_id": UNIT, "name": "Vårdcentralen Majorna", "care_giver_hsa_id": "SE2321000131-E000000000001"},
    "start": "2026-05-26",
    "end": None,
    "changed_at": "2026-05-26T09:13:05Z",
}
DOCTOR_DATA: Json = {
    "unit_hsa_id": UNIT,
    "doctor": {"hsa_id": DOCTOR, "vgr_id": "jonka3", "name": "Jon Karlström", "title": "Geriatriker"},
    "employment": {"start": "2023-11-05", "end": None},
    "selectable": True,
    "active": True,
    "available": False,
    "unavailable_because": ["ceiling_reached"],
    "profile": {
        "work_percent": 100,
        "role": None,
        "specialisation": None,
        "st_a": False,
        "patient_group": None,
        "patient_ceiling": 2000,
        "age_min": None,
        "age_max": None,
    },
    "listed_patients": 2000,
    "free_places": 0,
    "care_burden": 2210.4,
    "as_of": "2026-05-26T09:13:05Z",
}
ACTOR_DATA: Json = {"id": "annsv4", "role": "VC-chef", "unit_hsa_id": UNIT}
ROW_DATA: Json = {"row": 17, "patient_id": PATIENT, "unit_hsa_id": UNIT, "doctor_hsa_id": DOCTOR}
COMMAND_DATA: dict[str, Json] = {
    "activate-doctor": {"doctor_hsa_id": DOCTOR},
    "deactivate-doctor": {"doctor_hsa_id": DOCTOR},
    "pause-doctor": {"doctor_hsa_id": DOCTOR},
    "resume-doctor": {"doctor_hsa_id": DOCTOR},
    "update-doctor-profile": {"doctor_hsa_id": DOCTOR, "profile": {}},
    "link-patient": {"patient_id": PATIENT, "doctor_hsa_id": DOCTOR},
    "unlink-patient": {"patient_id": PATIENT},
    "move-patients": {"from_doctor_hsa_id": DOCTOR, "to_doctor_hsa_id": "SE2321000131-E000000007656"},
    "distribute-patients": {"seed": 42},
    "import-links": {"import_id": "may", "part": 1, "parts": 1, "rows": [ROW_DATA]},
}

#: ce_type -> topic and data that can be read, for every type with a value
EXAMPLES: dict[str, tuple[str, Json]] = {
    "se.vgregion.kiv.staff.v1": (KIV_STAFF, STAFF_DATA),
    "se.vgregion.kiv.staff-removed.v1": (KIV_STAFF, {"hsa_id": DOCTOR, "version": 7}),
    "se.vgregion.kiv.unit.v1": (KIV_UNIT, UNIT_DATA),
    "se.vgregion.kiv.unit-removed.v1": (KIV_UNIT, {"hsa_id": UNIT, "version": 7}),
    "se.vgregion.vardval.listing.v1": (VARDVAL_LISTING, LISTING_DATA),
    "se.vgregion.vardval.patient-id-changed.v1": (
        VARDVAL_LISTING,
        {"patient_id": PATIENT, "new_patient_id": NEW_PATIENT, "sequence": 6},
    ),
    **{
        f"se.vgregion.listning.{name}.v1": (LISTNING_COMMAND, {"unit_hsa_id": UNIT, "actor": ACTOR_DATA, **fields})
        for name, fields in COMMAND_DATA.items()
    },
    "se.vgregion.listning.day-began.v1": (LISTNING_CLOCK, {"day": "2026-05-27"}),
    "se.vgregion.listning.reply.v1": (LISTNING_REPLY, REPLY_DATA),
    "se.vgregion.listning.doctor.v1": (LISTNING_DOCTOR, DOCTOR_DATA),
    "se.vgregion.1177.fast-lakarkontakt.v1": (FAST_LAKARKONTAKT, FAST_LAKARKONTAKT_DATA),
}


@dataclass(frozen=True)
class Record:
    """A record as a Kafka client gives it."""

    topic: str
    value: bytes | None
    headers: Headers = ()
    key: bytes | None = b"key"
    partition: int = 0
    offset: int = 0
    timestamp: int = 1_748_250_785_000


def command(name: str, **fields: Any) -> Json:
    """The data of a command."""
    return {"unit_hsa_id": UNIT, "actor": ACTOR_DATA, **COMMAND_DATA[name], **fields}


def without(data: Json, *names: str) -> Json:
    """The data without these fields."""
    return {name: value for name, value in data.items() if name not in names}


def to_json(data: Any) -> bytes:
    """UTF-8, as most clients write it."""
    return json.dumps(data, ensure_ascii=False).encode()


def headers(of: str, /, **changed: bytes | None) -> list[tuple[str, bytes | None]]:
    """A binary message's headers; `ce_id=...`, `content_type=...` and so on change or add one."""
    made: dict[str, bytes | None] = dict(binary_headers("an-id", "a-source", of, AT))
    return list(
        (made | {name.replace("content_type", "content-type"): value for name, value in changed.items()}).items()
    )


def binary(of: str, /, data: Any = None, **changed: bytes | None) -> Record:
    """A record in binary mode; data that is bytes is the value as it stands, missing data is the example."""
    topic, example = EXAMPLES.get(of, (LISTNING_COMMAND, {}))
    value = data if isinstance(data, bytes) else to_json(example if data is None else data)
    return Record(topic, value, headers(of, **changed), key_of(topic, example if data is None else data))


def structured(ce_type: str, data: Any = None, content_type: bytes | None = None, **attributes: Any) -> Record:
    """A record in structured mode; an attribute that is `...` is left out."""
    topic, example = EXAMPLES.get(ce_type, (LISTNING_COMMAND, {}))
    event: Json = {"specversion": "1.0", "id": "an-id", "source": "a-source", "type": ce_type}
    event |= {"time": "2026-05-26T09:13:05Z", "data": example if data is None else data} | attributes
    value = to_json({name: value for name, value in event.items() if value is not ...})
    found: Headers = [] if content_type is None else [("content-type", content_type)]
    return Record(topic, value, found, key_of(topic, example if data is None else data))


def key_of(topic: str, data: Any) -> bytes:
    """The key that the contract asks for where it says which."""
    named = isinstance(data, dict) and topic in (KIV_STAFF, KIV_UNIT) and isinstance(data.get("hsa_id"), str)
    return data["hsa_id"].encode() if named else b"key"


def undecodable(record: Record) -> Undecodable:
    """The error of a record that cannot be understood."""
    with pytest.raises(Undecodable) as caught:
        read(record.topic, record)
    return caught.value


def refusal(record: Record) -> DeadLetterReason:
    """Why the record cannot be understood."""
    return undecodable(record).reason


def listing_of(size: int) -> bytes:
    """A listing of exactly this many bytes."""
    bare = len(to_json(LISTING_DATA | {"more": ""}))
    return to_json(LISTING_DATA | {"more": "x" * (size - bare)})
