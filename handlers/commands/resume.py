"""`resume-doctor`: any pause is gone, also a coming one (C5)."""

from __future__ import annotations

from handlers import roster
from handlers.commands.checks import active_entry, doctor_of, first_fault
from handlers.replies import accepted, refused
from handlers.world import Needs, World
from handlers.world.changes import Answer, Cause
from schemas.command import ResumeDoctor


def needs(command: ResumeDoctor, world: World, cause: Cause) -> Needs:
    """The doctor with their roster."""
    return Needs(doctors={doctor_of(command.doctor_hsa_id)})


def decide(command: ResumeDoctor, world: World, cause: Cause) -> Answer:
    """Active, else refused; no pause: unchanged."""
    fault = first_fault(world, command, doctors=[command.doctor_hsa_id])
    if fault is not None:
        return refused(fault)
    entry = active_entry(world, command)
    if entry is None:
        return refused("doctor_not_active")
    if entry.pause is None:
        return accepted("unchanged")
    entry.pause = None
    world.changes.touch_entry(entry)
    roster.publish(world, entry, cause)
    return accepted()
