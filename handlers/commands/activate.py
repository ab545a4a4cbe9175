"""`activate-doctor`: the vårdcentral takes a selectable doctor into use (C4)."""

from __future__ import annotations

from handlers import roster
from handlers.commands.checks import doctor_of, first_fault, pair_of
from handlers.commands.profile import changed
from handlers.eligibility import is_selectable
from handlers.replies import accepted, refused
from handlers.world import Needs, World
from handlers.world.changes import Answer, Cause
from schemas.command import ActivateDoctor


def needs(command: ActivateDoctor, world: World, cause: Cause) -> Needs:
    """The doctor with their roster."""
    return Needs(doctors={doctor_of(command.doctor_hsa_id)})


def decide(command: ActivateDoctor, world: World, cause: Cause) -> Answer:
    """Selectable, else refused; the profile that results must be sound; nothing new: unchanged."""
    fault = first_fault(world, command, doctors=[command.doctor_hsa_id])
    if fault is not None:
        return refused(fault)
    pair = pair_of(world, command)
    if not is_selectable(world, pair):
        return refused("doctor_not_selectable")
    entry = roster.get_or_create(world, pair)
    profile = changed(entry.profile, command.profile)
    if not profile.sound():
        return refused("invalid_profile")
    if entry.active and profile == entry.profile:
        return accepted("unchanged")
    entry.active = entry.activated = True
    entry.profile = profile
    world.changes.touch_entry(entry)
    roster.publish(world, entry, cause)
    return accepted()
