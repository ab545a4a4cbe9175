"""A patient got a new personnummer: listing and link move to it, and 1177 forgets the old key (L9)."""

from __future__ import annotations

from handlers import links, reevaluate
from handlers.listing import forget
from handlers.world import Forgotten, Needs, Patient, World
from handlers.world.changes import Cause, Outcome
from schemas.ids import PatientKind, patient_kind
from schemas.listing import PatientIdChanged


def needs(event: PatientIdChanged, world: World, cause: Cause) -> Needs:
    """Both ids, and the doctors the two are linked to."""
    if _out_of_scope(event) or event.patient_id == event.new_patient_id:
        return Needs()
    numbers = {int(event.patient_id), int(event.new_patient_id)}
    known = (world.patients.get(number) for number in numbers)
    doctors = {patient.link.doctor for patient in known if patient is not None and patient.link is not None}
    return Needs(new_patients=numbers, doctors=doctors)


def decide(event: PatientIdChanged, world: World, cause: Cause) -> Outcome:
    """Moves listing and link to the new id, unless the change is stale, out of scope or about a protected patient."""
    if _out_of_scope(event):
        return Outcome.SKIPPED
    if event.patient_id == event.new_patient_id:
        return Outcome.UNCHANGED
    old, new = world.patients[int(event.patient_id)], world.patients[int(event.new_patient_id)]
    if old.sequence is not None and event.sequence < old.sequence:
        return Outcome.STALE
    if old.forgotten is Forgotten.PROTECTED:
        return Outcome.SKIPPED
    if old.forgotten is Forgotten.MOVED and old.sequence == event.sequence:
        return Outcome.UNCHANGED
    if new.forgotten is not Forgotten.PROTECTED:
        _move(world, old, new, event.sequence, cause)
    links.withdraw(world, old, "patient_id_changed", cause)
    old.sequence = event.sequence
    forget(world, old, Forgotten.MOVED)
    return Outcome.APPLIED


def _move(world: World, old: Patient, new: Patient, sequence: int, cause: Cause) -> None:
    """The listing with the higher sequence stands, the new id's own link stands; then the listing rules apply."""
    known = new.sequence if new.forgotten is None else None
    incoming = old.sequence if old.forgotten is None else None
    if incoming is None:
        if known is None:
            new.forgotten = new.forgotten or Forgotten.NEVER_LISTED
    elif known is None or incoming > known:
        new.forgotten = None
        new.current, new.upcoming, new.care_burden = old.current, old.upcoming, old.care_burden
        new.place = cause.place
        if new.link is not None:
            world.set_link(new, new.link, cause.time)
    new.sequence = max(sequence, *(s for s in (old.sequence, new.sequence, sequence) if s is not None))
    world.changes.touch_patient(new)
    moving = old.link
    if moving is not None and new.link is None:
        world.set_link(old, None, cause.time)
        links.rekey(world, new, moving, "patient_id_changed", cause)
    reevaluate.reevaluate_link(world, new, cause)
    new.due = new.next_due(world.today)


def _out_of_scope(event: PatientIdChanged) -> bool:
    ids = (event.patient_id, event.new_patient_id)
    return any(patient_kind(text) is not PatientKind.PERSONNUMMER for text in ids)
