"""`unlink-patient`: the vårdcentral ends the patient's link (C8)."""

from __future__ import annotations

from handlers import links
from handlers.commands.checks import first_fault, is_personnummer, unit_of
from handlers.replies import accepted, refused
from handlers.world import Needs, World
from handlers.world.changes import Answer, Cause
from schemas.command import UnlinkPatient


def needs(command: UnlinkPatient, world: World, cause: Cause) -> Needs:
    """The patient."""
    return Needs(patients={int(command.patient_id)} if is_personnummer(command.patient_id) else set())


def decide(command: UnlinkPatient, world: World, cause: Cause) -> Answer:
    """Ends the link at this unit; there is none: refused."""
    fault = first_fault(world, command, patient=command.patient_id)
    if fault is not None:
        return refused(fault)
    patient = world.patients.get(int(command.patient_id))
    if patient is None or patient.link is None or patient.link.unit != unit_of(world, command):
        return refused("no_such_link")
    links.end(world, patient, "unlinked_by_unit", world.today, cause)
    return accepted()
