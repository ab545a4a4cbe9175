"""A vårdcentral asked for something: it is judged, answered exactly once, and audited (C1-C3, D4)."""

from __future__ import annotations

from typing import Generic, TypeVar

from handlers.commands.checks import doctor_of, is_personnummer, unit_of
from handlers.decide import Handler
from handlers.redaction import redact_unit
from handlers.replies import reply
from handlers.world import Needs, World
from handlers.world.changes import Answer, AuditEntry, Cause, Outcome, ReplyResent
from schemas.command import Command

C = TypeVar("C", bound=Command)


def answering(handler: Handler[C, Answer]) -> Handler[C, Outcome]:
    """The handler of a command as the handler of a topic: what it answers becomes the reply and the audit row."""
    return _Answering(handler)


class _Answering(Generic[C]):
    def __init__(self, handler: Handler[C, Answer]) -> None:
        self._handler = handler

    def needs(self, event: C, world: World, cause: Cause) -> Needs:
        """What the command's own module asks for."""
        return self._handler.needs(event, world, cause)

    def decide(self, event: C, world: World, cause: Cause) -> Outcome:
        """Judges the command on the state of today; the reply and the audit row are recorded here, once."""
        answer = self._handler.decide(event, world, cause)
        if answer.outcome in (Outcome.ACCEPTED, Outcome.REFUSED):
            world.changes.record(reply(event.name, event.unit_hsa_id, answer, cause))
        if answer.resend_of is not None:
            world.changes.record(ReplyResent(*answer.resend_of, asked_by=(cause.source, cause.id)))
        # A dry run leaves nothing behind but its reply (C2), or that somebody asked who may not (C1).
        if not answer.dry_run or answer.code == "not_authorised":
            world.changes.record(_audit_entry(event, world, answer, cause))
        return answer.outcome


def _audit_entry(command: Command, world: World, answer: Answer, cause: Cause) -> AuditEntry:
    """Who asked for what, about whom, and how it ended (D4); an id that is none is not kept."""
    doctor = getattr(command, "doctor_hsa_id", None)
    patient = getattr(command, "patient_id", None)
    return AuditEntry(
        command.name,
        answer.code or str(answer.outcome),
        redact_unit(unit_of(world, command)),
        None if doctor is None else redact_unit(doctor_of(doctor)),
        int(patient) if patient is not None and is_personnummer(patient) else None,
        cause,
    )
