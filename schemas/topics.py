"""The topics of the contract: direction, key, cleanup and the messages on each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel

from schemas.clock import DayBegan
from schemas.command import COMMANDS
from schemas.doctor import DoctorAvailability
from schemas.fast_lakarkontakt import FastLakarkontakt, FastLakarkontaktWithdrawn
from schemas.listing import ListingState, PatientIdChanged
from schemas.reply import Reply
from schemas.staff import StaffRemoved, StaffState
from schemas.unit import UnitRemoved, UnitState

KIV_STAFF = "kiv.staff.v1"
KIV_UNIT = "kiv.unit.v1"
VARDVAL_LISTING = "vardval.listing.v1"
LISTNING_COMMAND = "listning.command.v1"
LISTNING_CLOCK = "listning.clock.v1"
LISTNING_REPLY = "listning.reply.v1"
LISTNING_DOCTOR = "listning.doctor.v1"
FAST_LAKARKONTAKT = "1177.fast-lakarkontakt.v1"

_DAY_MS = 86_400_000
#: the largest value that is read (contract.md, Values)
MAX_VALUE_BYTES = 1 << 20
#: room for the key, the headers and the batch around the largest value
_ROOM_BYTES = 64 << 10
#: a dead letter carries a record as large as its input takes, and headers that say why it is one
_DEAD_LETTER_BYTES = 2 << 20
#: a reply names every faulty row of a file, in some 110 bytes each
_REPLY_BYTES = 8 << 20
#: a batch of one record: 61 bytes of the batch, at most 36 of the record, and the header in which the relay numbers it
_BATCH_BYTES = 256
assert _DEAD_LETTER_BYTES >= MAX_VALUE_BYTES + 2 * _ROOM_BYTES

#: for how long a null value can still be read after compaction: who was away for longer starts anew
DELETION_HORIZON_DAYS = 30
#: how soon a compacted topic begins a new segment, for the one that is written to is never compacted
_SEGMENT_DAYS = 1
#: how soon what an output's later record replaces is gone for those who read from the start (S7, L7)
_OUTPUT_COMPACTION_DAYS = 1
#: for how long an input's record is read before a later one of its key may take its place (L9)
_INPUT_COMPACTION_DAYS = 7


@dataclass(frozen=True)
class Topic:
    """One topic; `name` is without prefix, `messages` maps `ce_type` to the model of its data, `null_value` says what a
    null value means where one is allowed beside them. `max_message_bytes` is the largest batch that it takes."""

    name: str
    direction: Literal["in", "out"]
    key: str
    cleanup: Literal["compact", "delete"]
    what: str
    retention_days: int | None = None
    one_partition: bool = False
    null_value: str | None = None
    messages: Mapping[str, type[BaseModel]] = field(default_factory=dict)
    max_message_bytes: int = MAX_VALUE_BYTES + _ROOM_BYTES

    @property
    def max_record_bytes(self) -> int:
        """The largest record (`record_bytes`) that the topic takes, in a batch of its own."""
        return self.max_message_bytes - _BATCH_BYTES

    @property
    def configs(self) -> dict[str, str | int]:
        """What the topic's settings must be where a broker's default does not do, by Kafka's names (contract.md,
        Topics)."""
        configs: dict[str, str | int] = {"cleanup.policy": self.cleanup}
        if self.retention_days is not None:
            configs["retention.ms"] = self.retention_days * _DAY_MS
        if self.cleanup == "compact":
            configs["delete.retention.ms"] = DELETION_HORIZON_DAYS * _DAY_MS
            configs["segment.ms"] = _SEGMENT_DAYS * _DAY_MS
            if self.direction == "out":
                configs["max.compaction.lag.ms"] = _OUTPUT_COMPACTION_DAYS * _DAY_MS
            else:
                configs["min.compaction.lag.ms"] = _INPUT_COMPACTION_DAYS * _DAY_MS
        configs["max.message.bytes"] = self.max_message_bytes
        return configs


def record_bytes(key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes | None]]) -> int:
    """What key, value and headers take in a batch; `headers` are those a record has before the relay numbers it."""
    size = len(key or b"") + len(value or b"")
    return size + sum(_with_length(name.encode()) + _with_length(text or b"") for name, text in headers)


def _with_length(text: bytes) -> int:
    """The bytes of a text behind its length, which Kafka writes as a varint of a signed number."""
    return len(text) + max(1, -(-(2 * len(text)).bit_length() // 7))


def dlq(name: str) -> str:
    """The dead-letter topic of an input topic."""
    return f"{name}.dlq"


_INPUTS = (
    Topic(
        KIV_STAFF,
        "in",
        "staff hsa_id",
        "compact",
        "whole state of one person in KiV",
        null_value="The person is removed as of the record's timestamp; the key says who (S11).",
        messages={
            "se.vgregion.kiv.staff.v1": StaffState,
            "se.vgregion.kiv.staff-removed.v1": StaffRemoved,
        },
    ),
    Topic(
        KIV_UNIT,
        "in",
        "unit hsa_id",
        "compact",
        "whole state of one unit in KiV",
        null_value="The unit is removed as of the record's timestamp; the key says which (S11).",
        messages={
            "se.vgregion.kiv.unit.v1": UnitState,
            "se.vgregion.kiv.unit-removed.v1": UnitRemoved,
        },
    ),
    Topic(
        VARDVAL_LISTING,
        "in",
        "any stable key per patient",
        "compact",
        "whole vårdval of one patient",
        null_value="Ignored: the end of a listing is said in words.",
        messages={
            "se.vgregion.vardval.listing.v1": ListingState,
            "se.vgregion.vardval.patient-id-changed.v1": PatientIdChanged,
        },
    ),
    Topic(
        LISTNING_COMMAND,
        "in",
        "unit hsa_id",
        "delete",
        "what a vårdcentral's staff asks for",
        retention_days=30,
        messages={f"se.vgregion.listning.{command.name}.v1": command for command in COMMANDS},
    ),
    Topic(
        LISTNING_CLOCK,
        "in",
        "`day`",
        "delete",
        "the turn of a day",
        retention_days=30,
        one_partition=True,
        messages={"se.vgregion.listning.day-began.v1": DayBegan},
    ),
)
_OUTPUTS = (
    Topic(
        LISTNING_REPLY,
        "out",
        "unit hsa_id",
        "delete",
        "the one answer to each command",
        retention_days=30,
        messages={"se.vgregion.listning.reply.v1": Reply},
        max_message_bytes=_REPLY_BYTES,
    ),
    Topic(
        LISTNING_DOCTOR,
        "out",
        "unit/doctor",
        "compact",
        "a doctor's availability at a unit, with figures",
        null_value="The pair is gone: forget this key.",
        messages={"se.vgregion.listning.doctor.v1": DoctorAvailability},
    ),
    Topic(
        FAST_LAKARKONTAKT,
        "out",
        "patient key (rules D2)",
        "compact",
        "one patient's fast läkarkontakt",
        messages={
            "se.vgregion.1177.fast-lakarkontakt.v1": FastLakarkontakt,
            "se.vgregion.1177.fast-lakarkontakt-withdrawn.v1": FastLakarkontaktWithdrawn,
        },
    ),
)
#: of every input its dead letters
DEAD_LETTER_TOPICS = tuple(
    Topic(
        dlq(topic.name),
        "out",
        f"as {topic.name}",
        "delete",
        f"what could not be understood or handled of {topic.name}",
        retention_days=14,
        max_message_bytes=_DEAD_LETTER_BYTES,
    )
    for topic in _INPUTS
)

TOPICS: tuple[Topic, ...] = _INPUTS + _OUTPUTS + DEAD_LETTER_TOPICS
