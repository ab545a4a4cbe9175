"""Which records of a topic an operator asked for (operations.md, Replay)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from infra.patient_keys import PatientKeys
from schemas import instants
from schemas.envelope import Record, by_name
from schemas.read import Tombstone
from schemas.topics import TOPICS
from workers.pipeline.inbound import InboundRecord

#: the attributes of an event in which a patient is named
_PATIENTS = ("patient_id", "new_patient_id")
#: what `--type` calls a null value
TOMBSTONE = "tombstone"
_TYPES: Mapping[type, str] = {model: name for topic in TOPICS for name, model in topic.messages.items()}


class Range(NamedTuple):
    """Offsets of one partition: from the first up to, not including, the last; None: as far as there are any."""

    first: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """All that is given must hold. `partitions` with what is asked of each; none: all of them. `since` and `until` by
    the time of the record, or with `by_event` of the event (`ce_time`); `until` is not included. `key` is the record's,
    `type` the `ce_type`. `patient_key` stands for a patient's personnummer, which nobody keeps."""

    partitions: Mapping[int, Range] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None
    by: Literal["append", "ce-time"] = "append"
    key: str | None = None
    type: str | None = None
    patient_key: str | None = None
    #: how the first reading of the record ended: stale, refused, skipped or dead
    outcomes: tuple[str, ...] = ()

    def wants(self, record: Record) -> bool:
        """Whether the record may be one of them, by what is seen without understanding it."""
        if self.key is not None and record.key != self.key.encode():
            return False
        return self.by == "ce-time" or self._in_time(instants.from_record(record.timestamp))

    def takes(self, inbound: InboundRecord, keys: PatientKeys) -> bool:
        """Whether a record that may be one of them is."""
        if self.by == "ce-time" and not self._in_time(inbound.cause.time):
            return False
        if self.type is not None and _type(inbound) != self.type:
            return False
        if self.patient_key is None:
            return True
        named = (getattr(inbound.event, attribute, None) for attribute in _PATIENTS)
        return any(id is not None and keys.key(int(id)) == self.patient_key for id in named)

    def _in_time(self, time: datetime) -> bool:
        return (self.since is None or self.since <= time) and (self.until is None or time < self.until)

    def as_json(self) -> dict[str, Any]:
        """What a run remembers."""
        return {
            "partitions": {str(number): list(part) for number, part in self.partitions.items()},
            "since": _text(self.since),
            "until": _text(self.until),
            "by": self.by,
            "key": self.key,
            "type": self.type,
            "patient_key": self.patient_key,
            "outcomes": list(self.outcomes),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Selection:
        """What `as_json` was given."""
        return cls(
            {int(number): Range(*part) for number, part in content["partitions"].items()},
            _time(content["since"]),
            _time(content["until"]),
            content["by"],
            content["key"],
            content["type"],
            content["patient_key"],
            tuple(content["outcomes"]),
        )


def _type(inbound: InboundRecord) -> str | None:
    if isinstance(inbound.event, Tombstone):
        return TOMBSTONE
    if inbound.event is not None:
        return _TYPES[type(inbound.event)]
    found = by_name(inbound.record.headers).get("ce_type")
    return None if found is None else found.decode(errors="replace")


def _text(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).isoformat()


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
