"""What a decision changed: the one list that 1177's events, the audit trail and the tables are written from (P3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from schemas.fast_lakarkontakt import Change, Reason
from schemas.reply import Done, Refusal

Json = dict[str, Any]
#: a null value in 1177's topic, which has no change or reason of its own: what the audit trail calls it
Withdrawn = Literal["withdrawn"]
PatientProtected = Literal["patient_protected"]


class Outcome(StrEnum):
    """How the reading of one record ended (contract.md, Outcomes)."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    STALE = "stale"
    SKIPPED = "skipped"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    REPEATED = "repeated"
    WAITING = "waiting"
    DEAD = "dead"


class Place(NamedTuple):
    """Where a record stands in its topic."""

    partition: int
    offset: int


class Cause(NamedTuple):
    """The message that caused a change: its id, its `ce_time` (T2), what it carries on, who asked (D4), and where its
    record stands: `place` in `topic` (the contract's name), None where no record was read."""

    source: str
    id: str
    time: datetime
    correlation_id: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None
    actor: str | None = None
    role: str | None = None
    topic: str | None = None
    place: Place | None = None


class Pair(NamedTuple):
    """A doctor at a unit: the key of a roster entry (S4)."""

    unit: str
    doctor: str


@dataclass(slots=True)
class LinkChange:
    """One change event of one patient (P1, P2); `value` is None when 1177 is to forget the key (L7, L9). `override`: a
    command let the doctor's ceiling be exceeded by name (C7)."""

    patient_id: int
    key: str
    partition: int
    revision: int
    change: Change | Withdrawn
    reason: Reason | PatientProtected
    unit: str | None
    doctor: str | None
    value: Json | None
    cause: Cause
    override: bool = False


@dataclass(slots=True)
class DoctorChange:
    """What the doctor topic says of a pair from now on; None: the pair is gone. Statistics are added when it is
    saved."""

    pair: Pair
    revision: int
    payload: Json | None
    cause: Cause


@dataclass(slots=True)
class Answer:
    """The one answer to a command (C2). `code` is None while an import waits for more parts; then nothing is said, or,
    where the import was answered before, the reply to the command `resend_of` (source and id).
    """

    outcome: Outcome
    code: Done | Refusal | None
    message: str = ""
    counts: dict[str, Any] | None = None
    faulty_rows: list[Json] = field(default_factory=list)
    dry_run: bool = False
    resend_of: tuple[str, str] | None = None


@dataclass(slots=True)
class ReplyCreated:
    """A reply that must be published (contract.md, listning.reply.v1)."""

    unit: str
    value: Json
    cause: Cause


@dataclass(slots=True)
class ReplyResent:
    """The stored reply to the command `source` and `id` must be published once more (contract.md, An import in parts).

    `asked_by` is the source and id of another command that gets it, and gets it again whenever it comes again.
    """

    source: str
    id: str
    asked_by: tuple[str, str] | None = None


@dataclass(slots=True)
class AuditEntry:
    """An audit row of its own, for what changes no link: a roster change, a refusal (C1, D4)."""

    what: str
    reason: str
    unit: str | None
    doctor: str | None
    patient_id: int | None
    cause: Cause


ChangeRecord = LinkChange | DoctorChange | ReplyCreated | ReplyResent | AuditEntry


def days_text(day: date | None) -> str | None:
    """`YYYY-MM-DD`, or None for an open end."""
    return None if day is None else day.isoformat()
