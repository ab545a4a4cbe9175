"""A vårdcentral asked for something: it is judged, answered exactly once, and audited (C1-C3, D4)."""

from __future__ import annotations

from types import ModuleType

from handlers.commands import (
    activate,
    deactivate,
    distribute,
    import_links,
    link,
    move,
    pause,
    profile,
    resume,
    unlink,
)
from handlers.commands.checks import doctor_of, is_personnummer, unit_of
from handlers.replies import reply, shown_unit
from handlers.world import Needs, World
from handlers.world.changes import Answer, Cause, Noted, Outcome, RepliedAgain
from schemas.command import (
    ActivateDoctor,
    Command,
    DeactivateDoctor,
    DistributePatients,
    ImportLinks,
    LinkPatient,
    MovePatients,
    PauseDoctor,
    ResumeDoctor,
    UnlinkPatient,
    UpdateDoctorProfile,
)

COMMANDS: dict[type[Command], ModuleType] = {
    ActivateDoctor: activate,
    DeactivateDoctor: deactivate,
    PauseDoctor: pause,
    ResumeDoctor: resume,
    UpdateDoctorProfile: profile,
    LinkPatient: link,
    UnlinkPatient: unlink,
    MovePatients: move,
    DistributePatients: distribute,
    ImportLinks: import_links,
}

FORESEEN = False


def needs(command: Command, world: World, cause: Cause) -> Needs:
    """What the command's own module asks for."""
    wanted: Needs = COMMANDS[type(command)].needs(command, world)
    return wanted


def decide(command: Command, world: World, cause: Cause) -> Outcome:
    """Judges the command on the state of today; the reply and the audit row are recorded here, once."""
    answer: Answer = COMMANDS[type(command)].decide(command, world, cause)
    if answer.outcome in (Outcome.ACCEPTED, Outcome.REFUSED):
        world.changes.append(reply(command.name, command.unit_hsa_id, answer, cause))
    if answer.again is not None:
        world.changes.append(RepliedAgain(*answer.again, asked_by=(cause.source, cause.id)))
    if not answer.dry_run or answer.code == "not_authorised":  # a dry run leaves nothing behind but its reply (C1, C2)
        world.changes.append(_noted(command, world, answer, cause))
    return answer.outcome


def _noted(command: Command, world: World, answer: Answer, cause: Cause) -> Noted:
    """Who asked for what, about whom, and how it ended (D4); an id that is none is not kept."""
    doctor = getattr(command, "doctor_hsa_id", None)
    patient = getattr(command, "patient_id", None)
    return Noted(
        command.name,
        answer.code or str(answer.outcome),
        shown_unit(unit_of(world, command)),
        None if doctor is None else shown_unit(doctor_of(doctor)),
        int(patient) if patient is not None and is_personnummer(patient) else None,
        cause,
    )
