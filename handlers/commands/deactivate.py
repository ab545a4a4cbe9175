"""`deactivate-doctor`: the vårdcentral takes a doctor out of use (C4)."""

from __future__ import annotations

from handlers import links, roster
from handlers.commands.checks import doctor_of, first_fault, pair_of
from handlers.replies import accepted, refused
from handlers.world import Needs, World
from handlers.world.changes import Answer, Cause
from schemas.command import DeactivateDoctor


def needs(command: DeactivateDoctor, world: World, cause: Cause) -> Needs:
    """The doctor with their roster, and the patients linked to them."""
    doctor = doctor_of(command.doctor_hsa_id)
    return Needs(doctors={doctor}, links_of_doctor={doctor})


def decide(command: DeactivateDoctor, world: World, cause: Cause) -> Answer:
    """Refused while patients are linked, unless their links are to end; not active: unchanged."""
    fault = first_fault(world, command, doctors=[command.doctor_hsa_id])
    if fault is not None:
        return refused(fault)
    pair = pair_of(world, command)
    patients = world.patients_of(pair)
    if patients and command.links != "end":
        return refused("doctor_has_patients")
    for patient in patients:
        links.end(world, patient, "doctor_deactivated", world.today, cause)
    entry = world.roster.get(pair)
    if entry is None or not entry.active:
        return accepted("done" if patients else "unchanged")
    roster.deactivate(world, entry)
    roster.publish(world, entry, cause)
    return accepted()
