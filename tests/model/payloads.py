"""Which data each message type carries (contract.md), as tables of checks."""

import math
from collections.abc import Callable
from typing import Any

from tests.harness.records import CLOCK, COMMAND, LISTING, STAFF, UNIT
from tests.model import ids

Check = Callable[[Any], bool]
Fields = dict[str, tuple[bool, Check]]  # required?, check

REQUIRED, OPTIONAL = True, False


def text(value: Any) -> bool:
    return isinstance(value, str) and "\0" not in value


def short(value: Any) -> bool:
    """A text that is kept or told on has at most 200 characters."""
    return text(value) and len(value) <= 200


def integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def boolean(value: Any) -> bool:
    return isinstance(value, bool)


def hsa(value: Any) -> bool:
    return text(value) and ids.hsa_id(value) is not None


def day(value: Any) -> bool:
    return text(value) and ids.day(value) is not None


def patient(value: Any) -> bool:
    return text(value) and ids.patient_kind(value) is not None


def burden(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1_000_000


def nullable(check: Check) -> Check:
    return lambda value: value is None or check(value)


def between(low: int, high: int) -> Check:
    return lambda value: integer(value) and low <= value <= high


def one_of(*names: str) -> Check:
    return lambda value: value in names


def listed(check: Check, most: float = math.inf) -> Check:
    return lambda value: isinstance(value, list) and len(value) <= most and all(check(item) for item in value)


def shaped(fields: Fields) -> Check:
    """An object whose known fields are sound; unknown ones are ignored."""

    def check(value: Any) -> bool:
        if not isinstance(value, dict):
            return False
        return all(sound(value[name]) if name in value else not need for name, (need, sound) in fields.items())

    return check


ABSENCE: Fields = {"start": (OPTIONAL, nullable(day)), "end": (OPTIONAL, nullable(day))}
EMPLOYMENT: Fields = {
    "unit_hsa_id": (REQUIRED, hsa),
    "position_code": (REQUIRED, short),
    "title": (OPTIONAL, nullable(short)),
    "start": (OPTIONAL, nullable(day)),
    "end": (OPTIONAL, nullable(day)),
    "absences": (OPTIONAL, listed(shaped(ABSENCE), 100)),
}
REMOVED: Fields = {"hsa_id": (REQUIRED, hsa), "version": (REQUIRED, integer)}
PERSON: Fields = {
    **REMOVED,
    "given_name": (REQUIRED, short),
    "surname": (REQUIRED, short),
    "vgr_id": (OPTIONAL, nullable(short)),
    "protected": (OPTIONAL, boolean),
    "licences": (OPTIONAL, listed(short, 50)),
    "specialties": (OPTIONAL, listed(short, 50)),
    "employments": (OPTIONAL, listed(shaped(EMPLOYMENT), 200)),
}
PLACE: Fields = {
    **REMOVED,
    "name": (REQUIRED, lambda value: short(value) and ids.visible(value) != ""),
    "kind": (OPTIONAL, one_of("vardcentral", "jourcentral", "other")),
    "care_giver_hsa_id": (OPTIONAL, nullable(hsa)),
    "start": (OPTIONAL, nullable(day)),
    "end": (OPTIONAL, nullable(day)),
    "replaced_by": (OPTIONAL, nullable(hsa)),
}
CHOICE: Fields = {
    "unit_hsa_id": (REQUIRED, hsa),
    "valid_from": (REQUIRED, day),
    "reason": (OPTIONAL, nullable(short)),
}
CHOICES: Fields = {
    "patient_id": (REQUIRED, patient),
    "sequence": (REQUIRED, integer),
    "protected": (OPTIONAL, boolean),
    "current": (OPTIONAL, nullable(shaped(CHOICE))),
    "upcoming": (OPTIONAL, nullable(shaped(CHOICE))),
    "care_burden": (OPTIONAL, nullable(burden)),
}
NEW_ID: Fields = {
    "patient_id": (REQUIRED, patient),
    "new_patient_id": (REQUIRED, patient),
    "sequence": (REQUIRED, integer),
}
PROFILE: Fields = {
    "work_percent": (OPTIONAL, nullable(between(1, 100))),
    "role": (OPTIONAL, nullable(text)),
    "specialisation": (OPTIONAL, nullable(text)),
    "st_a": (OPTIONAL, nullable(boolean)),
    "patient_group": (OPTIONAL, nullable(text)),
    "patient_ceiling": (OPTIONAL, nullable(between(0, 2**63 - 1))),
    "age_min": (OPTIONAL, nullable(between(0, 130))),
    "age_max": (OPTIONAL, nullable(between(0, 130))),
}
ACTOR: Fields = {"id": (REQUIRED, short), "role": (REQUIRED, text), "unit_hsa_id": (REQUIRED, text)}
ANY: Fields = {"unit_hsa_id": (REQUIRED, text), "actor": (REQUIRED, shaped(ACTOR))}
FOR_DOCTOR: Fields = {**ANY, "doctor_hsa_id": (REQUIRED, text)}
OVERRIDE: Fields = {"override": (OPTIONAL, listed(one_of("ceiling", "age")))}
DRY_RUN: Fields = {"dry_run": (OPTIONAL, boolean)}
ROW: Fields = {
    "row": (REQUIRED, integer),
    "patient_id": (REQUIRED, text),
    "unit_hsa_id": (REQUIRED, text),
    "doctor_hsa_id": (REQUIRED, text),
    "start": (OPTIONAL, nullable(text)),
}
COMMANDS: dict[str, Fields] = {
    "activate-doctor": {**FOR_DOCTOR, "profile": (OPTIONAL, nullable(shaped(PROFILE)))},
    "deactivate-doctor": {**FOR_DOCTOR, "links": (OPTIONAL, one_of("refuse", "end"))},
    "pause-doctor": {**FOR_DOCTOR, "start": (OPTIONAL, nullable(text)), "end": (OPTIONAL, nullable(text))},
    "resume-doctor": FOR_DOCTOR,
    "update-doctor-profile": {**FOR_DOCTOR, "profile": (REQUIRED, shaped(PROFILE))},
    "link-patient": {**FOR_DOCTOR, **OVERRIDE, "patient_id": (REQUIRED, text), "start": (OPTIONAL, nullable(text))},
    "unlink-patient": {**ANY, "patient_id": (REQUIRED, text)},
    "move-patients": {
        **ANY, **OVERRIDE, **DRY_RUN, "from_doctor_hsa_id": (REQUIRED, text), "to_doctor_hsa_id": (REQUIRED, text),
        "patient_ids": (OPTIONAL, nullable(listed(text))),
    },
    "distribute-patients": {
        **ANY, **DRY_RUN, "seed": (REQUIRED, integer), "doctor_hsa_ids": (OPTIONAL, nullable(listed(text))),
        "limit": (OPTIONAL, nullable(between(0, 2**63 - 1))),
    },
    "import-links": {
        **ANY, **OVERRIDE, **DRY_RUN, "import_id": (REQUIRED, short), "rows": (REQUIRED, listed(shaped(ROW), 2_000)),
        "part": (REQUIRED, between(1, 2**63 - 1)), "parts": (REQUIRED, between(1, 2**63 - 1)),
    },
}  # fmt: skip
SHAPES: dict[str, dict[str, Fields]] = {
    STAFF: {"kiv.staff": PERSON, "kiv.staff-removed": REMOVED},
    UNIT: {"kiv.unit": PLACE, "kiv.unit-removed": REMOVED},
    LISTING: {"vardval.listing": CHOICES, "vardval.patient-id-changed": NEW_ID},
    COMMAND: {f"listning.{name}": fields for name, fields in COMMANDS.items()},
    CLOCK: {"listning.day-began": {"day": (REQUIRED, lambda value: day(value) and "1970" <= value[:4] < "3000")}},
}


def sound(topic: str, name: str, data: Any) -> bool:
    """Whether the data can be read at all; an import's part lies within its parts, a person has some name (P6)."""
    if not shaped(SHAPES[topic][name])(data):
        return False
    if name == "kiv.staff":
        return bool(ids.visible(data["given_name"]) or ids.visible(data["surname"]) or data.get("protected", False))
    return bool(name != "listning.import-links" or data["part"] <= data["parts"])
