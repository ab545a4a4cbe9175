"""`pause-doctor`: no new links to the doctor for a while; existing ones stay (C5)."""

from __future__ import annotations

from datetime import date

from handlers import roster
from handlers.commands.checks import active_entry, day_of, doctor_of, first_fault
from handlers.replies import accepted, refused
from handlers.world import Needs, Pause, World
from handlers.world.changes import Answer, Cause
from schemas.command import PauseDoctor


def needs(command: PauseDoctor, world: World, cause: Cause) -> Needs:
    """The doctor with their roster."""
    return Needs(doctors={doctor_of(command.doctor_hsa_id)})


def decide(command: PauseDoctor, world: World, cause: Cause) -> Answer:
    """Active, else refused; a new pause replaces the old."""
    fault = first_fault(world, command, doctors=[command.doctor_hsa_id])
    if fault is not None:
        return refused(fault)
    pause = _pause(command, world.today)
    if pause is None:
        return refused("invalid_date")
    entry = active_entry(world, command)
    if entry is None:
        return refused("doctor_not_active")
    if entry.pause == pause:
        return accepted("unchanged")
    entry.pause = pause
    world.changes.touch_entry(entry)
    roster.publish(world, entry, cause)
    return accepted()


def _pause(command: PauseDoctor, today: date) -> Pause | None:
    """The pause asked for; None where a date is no date, or the end lies before the start or before today."""
    start = today if command.start is None else day_of(command.start)
    end = None if command.end is None else day_of(command.end)
    if start is None or (command.end is not None and end is None):
        return None
    return None if end is not None and end < max(start, today) else Pause(start, end)
