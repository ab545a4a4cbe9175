"""A Kafka record as the tests send it, and builders with defaults for every kind of message."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

STAFF, UNIT, LISTING = "kiv.staff.v1", "kiv.unit.v1", "vardval.listing.v1"
COMMAND, CLOCK = "listning.command.v1", "listning.clock.v1"
INPUTS = (STAFF, UNIT, LISTING, COMMAND, CLOCK)
REPLY, DOCTOR, CHANGES = "listning.reply.v1", "listning.doctor.v1", "1177.fast-lakarkontakt.v1"
OUTPUTS = (REPLY, DOCTOR, CHANGES, *(f"{name}.dlq" for name in INPUTS))
PREFIX = "se.vgregion."

Data = dict[str, Any]


@dataclass(frozen=True)
class Record:
    """`timestamp` in milliseconds, the record's own; `topic` without prefix."""

    topic: str
    key: str | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()
    timestamp: int = 0


@dataclass
class Sender:
    """Makes records whose time moves on by a second each; `source` and a number make the id."""

    now: datetime
    source: str = "oracle"
    count: int = 0
    step: timedelta = field(default=timedelta(seconds=1))

    def at(self, moment: datetime) -> None:
        """The next record is made at this moment."""
        self.now = moment

    def record(self, topic: str, name: str, key: str, data: Data, **attributes: str | None) -> Record:
        """A binary CloudEvent; `attributes` override id, source, time and add correlationid."""
        self.count += 1
        self.now += self.step
        envelope = {"specversion": "1.0", "id": f"{self.source}-{self.count}", "source": self.source,
                    "type": f"{PREFIX}{name}.v1", "time": instant(self.now)} | attributes  # fmt: skip
        headers = [(f"ce_{name}", text.encode()) for name, text in envelope.items() if text is not None]
        value = json.dumps(data, ensure_ascii=False).encode()
        return Record(topic, key, value, (*headers, ("content-type", b"application/json")), millis(self.now))

    def staff(self, hsa_id: str, version: int, **fields: Any) -> Record:
        """A person's whole state; `attributes` are the envelope's."""
        attributes = fields.pop("attributes", {})
        data = {"hsa_id": hsa_id, "version": version, "given_name": "Anna", "surname": "Berg", "licences": ["LK"]}
        return self.record(STAFF, "kiv.staff", hsa_id, data | fields, **attributes)

    def staff_removed(self, hsa_id: str, version: int) -> Record:
        """The person is gone."""
        return self.record(STAFF, "kiv.staff-removed", hsa_id, {"hsa_id": hsa_id, "version": version})

    def unit(self, hsa_id: str, version: int, **fields: Any) -> Record:
        """A unit's whole state."""
        data = {"hsa_id": hsa_id, "version": version, "name": "Vårdcentralen", "kind": "vardcentral"}
        return self.record(UNIT, "kiv.unit", hsa_id, data | fields)

    def unit_removed(self, hsa_id: str, version: int) -> Record:
        """The unit is gone."""
        return self.record(UNIT, "kiv.unit-removed", hsa_id, {"hsa_id": hsa_id, "version": version})

    def tombstone(self, topic: str, key: str, earlier: timedelta = timedelta(0)) -> Record:
        """A null value, as of now or `earlier`."""
        self.now += self.step
        return Record(topic, key, None, (), millis(self.now - earlier))

    def listing(self, patient_id: str, sequence: int, key: str, **fields: Any) -> Record:
        """A patient's whole vårdval."""
        data = {"patient_id": patient_id, "sequence": sequence}
        return self.record(LISTING, "vardval.listing", key, data | fields)

    def id_changed(self, patient_id: str, new: str, sequence: int, key: str) -> Record:
        """L9."""
        data = {"patient_id": patient_id, "new_patient_id": new, "sequence": sequence}
        return self.record(LISTING, "vardval.patient-id-changed", key, data)

    def command(self, name: str, unit: str, actor: Data | None = None, /, **fields: Any) -> Record:
        """A command; `id`, `source`, `correlationid` are envelope attributes, the rest is data."""
        who = {"id": "annsv4", "role": "VC-chef", "unit_hsa_id": unit} | (actor or {})
        attributes = {name: fields.pop(name) for name in ("id", "source", "correlationid", "time") if name in fields}
        data = {"unit_hsa_id": unit, "actor": who} | fields
        return self.record(COMMAND, f"listning.{name}", unit, data, **attributes)

    def day(self, day: str) -> Record:
        """The day began."""
        return self.record(CLOCK, "listning.day-began", day, {"day": day}, id=f"day/{day}")


def choice(unit: str, valid_from: str) -> Data:
    """`current` or `upcoming` of a listing."""
    return {"unit_hsa_id": unit, "valid_from": valid_from}


def employment(unit: str, start: str | None = None, end: str | None = None, **fields: Any) -> Data:
    """One that makes the pair selectable while it lasts."""
    data = {"unit_hsa_id": unit, "position_code": "202010", "title": "Distriktsläkare", "start": start, "end": end}
    return data | {"absences": []} | fields


def instant(moment: datetime) -> str:
    """UTC with Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def millis(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return int(moment.timestamp() * 1000)


def header(record_headers: Sequence[tuple[str, bytes | None]], name: str) -> str | None:
    """The last header of that name as text."""
    found: Mapping[str, bytes | None] = dict(record_headers)
    raw = found.get(name)
    return None if raw is None else raw.decode()
