"""`update-doctor-profile`: what the vårdcentral says of a doctor changes, links do not (C6)."""

from __future__ import annotations

from dataclasses import replace

from handlers import roster
from handlers.commands.checks import active_entry, doctor_of, first_fault
from handlers.replies import accepted, refused
from handlers.world import Needs, Profile, World
from handlers.world.changes import Answer, Cause
from schemas.command import ProfileData, UpdateDoctorProfile


def needs(command: UpdateDoctorProfile, world: World, cause: Cause) -> Needs:
    """The doctor with their roster."""
    return Needs(doctors={doctor_of(command.doctor_hsa_id)})


def decide(command: UpdateDoctorProfile, world: World, cause: Cause) -> Answer:
    """Active, else refused; only the fields given change, and the result must be sound."""
    fault = first_fault(world, command, doctors=[command.doctor_hsa_id])
    if fault is not None:
        return refused(fault)
    entry = active_entry(world, command)
    if entry is None:
        return refused("doctor_not_active")
    profile = changed(entry.profile, command.profile)
    if not profile.sound():
        return refused("invalid_profile")
    if profile == entry.profile:
        return accepted("unchanged")
    entry.profile = profile
    world.changes.touch_entry(entry)
    roster.publish(world, entry, cause)
    return accepted()


def changed(current: Profile, given: ProfileData | None) -> Profile:
    """The profile with the fields given put in; null means not set, and `st_a` is then false (contract.md)."""
    if given is None:
        return current
    return replace(current, **{name: getattr(given, name) for name in given.model_fields_set})
