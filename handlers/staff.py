"""KiV said something of a person: who is selectable where follows, and what that means for roster and links (S1-S8)."""

from __future__ import annotations

from dataclasses import replace

from handlers import links, reevaluate, roster
from handlers.versions import ignored_removal, ignored_state, ignored_tombstone
from handlers.world import Absence, Doctor, Employment, Needs, World
from handlers.world.changes import Cause, Outcome
from schemas.read import Tombstone
from schemas.staff import StaffRemoved, StaffState

StaffEvent = StaffState | StaffRemoved | Tombstone


def needs(event: StaffEvent, world: World, cause: Cause) -> Needs:
    """The person with every roster entry, and the linked patients where the fact changes anything but the version."""
    hsa_id = event.hsa_id or ""
    current = world.doctors.get(hsa_id)
    result = Needs(doctors={hsa_id})
    if (
        current is not None
        and _ignored(event, current, cause) is None
        and _changes_anything(_state_from(event, current, cause), current)
    ):
        result.links_of_doctor = {hsa_id}
    return result


def decide(event: StaffEvent, world: World, cause: Cause) -> Outcome:
    """Takes the fact over unless it is stale (S2, S11) and lets roster and links follow."""
    current = world.doctors[event.hsa_id or ""]
    ignored = _ignored(event, current, cause)
    if ignored is not None:
        return ignored
    incoming = _state_from(event, current, cause)
    if incoming != current:
        world.changes.touch_doctor(incoming)
    if _changes_anything(incoming, current):
        _apply(world, current, incoming, cause)
        return Outcome.APPLIED
    world.add_doctor(incoming)
    return Outcome.APPLIED if incoming.version != current.version else Outcome.UNCHANGED


def _ignored(event: StaffEvent, current: Doctor, cause: Cause) -> Outcome | None:
    if isinstance(event, StaffState):
        lifts = current.protected and not event.protected and event.version == current.version
        return Outcome.UNCHANGED if lifts else ignored_state(current, event.version, cause)
    if current.protected and (isinstance(event, Tombstone) or event.version == current.version):
        return Outcome.UNCHANGED
    if isinstance(event, StaffRemoved):
        return ignored_removal(current, event.version)
    return ignored_tombstone(current, cause)


def _apply(world: World, current: Doctor, incoming: Doctor, cause: Cause) -> None:
    """Puts the incoming state in place, then asks of every roster entry and link it touches whether it may stand."""
    patients = world.patients_of_doctor(current.hsa_id)
    world.add_doctor(incoming)
    for pair in roster.pairs_of(world, incoming.hsa_id):
        if incoming.protected:
            roster.forget(world, world.roster[pair], cause)
        else:
            roster.reevaluate(world, pair, cause)
    for patient in patients:
        if patient.link is None or patient.link.doctor != incoming.hsa_id:
            continue
        if not reevaluate.reevaluate_link(world, patient, cause) and current.name != incoming.name:
            links.rename(world, patient, "doctor_renamed", cause)


def _state_from(event: StaffEvent, current: Doctor, cause: Cause) -> Doctor:
    """The person as the event has them, said then and there."""
    state = _stated(event, current)
    state.fact_at, state.place, state.last_revision = cause.time, cause.place, current.last_revision
    return state


def _stated(event: StaffEvent, current: Doctor) -> Doctor:
    """What the event says; of a protected person only the id, the version and the mark (S7)."""
    if isinstance(event, Tombstone):
        return Doctor(current.hsa_id, current.version, removed=True)
    if isinstance(event, StaffRemoved):
        return Doctor(current.hsa_id, event.version, removed=not current.protected, protected=current.protected)
    if event.protected:
        return Doctor(event.hsa_id, event.version, protected=True)
    return Doctor(
        event.hsa_id,
        event.version,
        vgr_id=event.vgr_id,
        name=" ".join(filter(None, (event.given_name, event.surname))),
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


def _changes_anything(incoming: Doctor, current: Doctor) -> bool:
    """Whether anything but the version, its time and its place differs."""
    return replace(incoming, version=current.version, fact_at=current.fact_at, place=current.place) != current
