"""KiV said something of a person: who is selectable where follows, and what that means for roster and links (S1-S8)."""

from __future__ import annotations

from dataclasses import replace

from handlers import links, reevaluate, roster
from handlers.versions import late_removal, late_state, late_tombstone
from handlers.world import Absence, Doctor, Employment, Needs, World
from handlers.world.changes import Cause, Outcome
from schemas.read import Tombstone
from schemas.staff import StaffRemoved, StaffState

StaffEvent = StaffState | StaffRemoved | Tombstone


def needs(event: StaffEvent, world: World, cause: Cause) -> Needs:
    """The person with every roster entry, and the linked patients where the news changes anything held."""
    hsa_id = event.hsa_id or ""
    held = world.doctors.get(hsa_id)
    wanted = Needs(doctors={hsa_id})
    if held is not None and _late(event, held, cause) is None and _news(_told(event, held, cause), held):
        wanted.links_of_doctor = {hsa_id}
    return wanted


def decide(event: StaffEvent, world: World, cause: Cause) -> Outcome:
    """Takes the news if it is not late (S2, S11) and lets roster and links follow."""
    held = world.doctors[event.hsa_id or ""]
    late = _late(event, held, cause)
    if late is not None:
        return late
    told = _told(event, held, cause)
    if told != held:
        world.changed_doctors.add(told.hsa_id)
    if _news(told, held):
        _take(world, held, told, cause)
        return Outcome.APPLIED
    world.add_doctor(told)
    return Outcome.APPLIED if told.version != held.version else Outcome.UNCHANGED


def _late(event: StaffEvent, held: Doctor, cause: Cause) -> Outcome | None:
    if isinstance(event, StaffState):
        lifts = held.protected and not event.protected and event.version == held.version
        return Outcome.UNCHANGED if lifts else late_state(held, event.version)
    if held.protected and (isinstance(event, Tombstone) or event.version == held.version):
        return Outcome.UNCHANGED
    if isinstance(event, StaffRemoved):
        return late_removal(held, event.version)
    return late_tombstone(held, cause.time)


def _take(world: World, held: Doctor, told: Doctor, cause: Cause) -> None:
    """Puts the new state in place, then asks of every roster entry and link it touches whether it may stand."""
    patients = world.patients_of_doctor(held.hsa_id)
    world.add_doctor(told)
    for pair in roster.pairs_of(world, told.hsa_id):
        if told.protected:
            roster.forget(world, roster.entry(world, pair), cause)
        else:
            roster.settle(world, pair, cause)
    for patient in patients:
        if patient.link is None or patient.link.doctor != told.hsa_id:
            continue
        if not reevaluate.settle(world, patient, cause) and held.name != told.name:
            links.rename(world, patient, "doctor_renamed", cause)


def _told(event: StaffEvent, held: Doctor, cause: Cause) -> Doctor:
    """The person as the event has them; of a protected one only the id, the version and the mark (S7)."""
    if isinstance(event, Tombstone):
        return Doctor(held.hsa_id, held.version, removed=True, fact_at=cause.time)
    if isinstance(event, StaffRemoved):
        return Doctor(
            held.hsa_id, event.version, removed=not held.protected, protected=held.protected, fact_at=cause.time
        )
    if event.protected:
        return Doctor(event.hsa_id, event.version, protected=True, fact_at=cause.time)
    return Doctor(
        event.hsa_id,
        event.version,
        fact_at=cause.time,
        vgr_id=event.vgr_id,
        name=f"{event.given_name} {event.surname}",
        licensed="LK" in event.licences,
        employments=tuple(
            Employment(
                post.unit_hsa_id,
                post.position_code,
                post.title,
                post.start,
                post.end,
                tuple(Absence(a.start, a.end) for a in post.absences),
            )
            for post in event.employments
        ),
    )


def _news(told: Doctor, held: Doctor) -> bool:
    """Whether anything but the version and its time differs."""
    return replace(told, version=held.version, fact_at=held.fact_at) != held
