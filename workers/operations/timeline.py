"""What happened, step by step, as the audit trail has it: the same rows give the same steps, and none names a
patient."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from handlers.redaction import contains_patient_id
from handlers.world.changes import Place
from infra.postgres.explanation import AuditRow
from schemas.fields import instant
from schemas.topics import LISTNING_COMMAND

HERE = ZoneInfo("Europe/Stockholm")
#: how a command ended that got no reply then: a part of an import
_NOT_ANSWERED = ("waiting", "repeated")


class StepCause(NamedTuple):
    """The record that a step follows from; its place is None where no record was read, its source and id where they
    are not kept."""

    topic: str | None
    partition: int | None
    offset: int | None
    source: str | None
    id: str | None


@dataclass(frozen=True)
class Step:
    """One step. `at` is the time of its cause, by its sender's clock; `decided_at` when it was written, None for what
    is held and stands in no trail. `answer` is the code of the reply to a command; `events` the `ce_id` of each record
    that tells of the step."""

    what: str
    rule: str
    cause: StepCause
    at: datetime | None = None
    decided_at: datetime | None = None
    reason: str | None = None
    answer: str | None = None
    unit: str | None = None
    doctor: str | None = None
    actor: str | None = None
    role: str | None = None
    release: str | None = None
    run: str | None = None
    events: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """An entry of `timeline` (operations.md, Why a patient has the doctor they have)."""
        return {
            "at": _instant(self.at),
            "what": self.what,
            "reason": self.reason,
            "answer": self.answer,
            "rule": self.rule,
            "unit": self.unit,
            "doctor": self.doctor,
            "cause": self.cause._asdict(),
            "actor": self.actor,
            "role": self.role,
            "release": self.release,
            "run": self.run,
            "events": list(self.events),
            "decided_at": _instant(self.decided_at),
        }


def steps(trail: Iterable[AuditRow], key: str) -> list[Step]:
    """A step for each row; `key` is that of the records which the rows with a revision tell of."""
    return [_step(row, key) for row in trail]


def held(what: str, rule: str, topic: str, place: Place | None, at: datetime | None = None) -> list[Step]:
    """The fact that is held, with the place of the record that it was taken from; nothing where none is known."""
    return [Step(what, rule, StepCause(topic, *place, None, None), at)] if place else []


def until(trail: Iterable[AuditRow], day: date | None) -> tuple[AuditRow, ...]:
    """What was written up to the end of that day in Sweden; all of it without one."""
    return tuple(row for row in trail if day is None or row.written_at.astimezone(HERE).date() <= day)


def _step(row: AuditRow, key: str) -> Step:
    is_answer = row.revision is None
    if not is_answer:
        events: tuple[str, ...] = (f"{key}/{row.revision}",)
    elif row.topic == LISTNING_COMMAND and row.reason not in _NOT_ANSWERED:
        events = (f"reply/{row.source}/{row.message_id}",)
    else:
        events = ()
    return Step(
        what=row.what,
        rule=row.rule,
        cause=StepCause(row.topic, row.partition, row.offset, row.source, row.message_id),
        at=row.at,
        decided_at=row.written_at,
        reason=None if is_answer else row.reason,
        answer=row.reason if is_answer else None,
        unit=row.unit,
        doctor=row.doctor,
        actor=_shown(row.actor),
        role=_shown(row.role),
        release=row.release,
        run=row.run,
        events=events,
    )


def _shown(text: str | None) -> str | None:
    """What a sender may have written anything into; left out where that could be a patient's id (D1)."""
    return None if text is None or contains_patient_id(text) else text


def _instant(at: datetime | None) -> str | None:
    return None if at is None else instant(at)
