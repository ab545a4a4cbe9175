"""Vårdval said where a patient is listed: the link ends by itself when that is somewhere else now (L1-L8)."""

from __future__ import annotations

from handlers import links, reevaluate
from handlers.versions import overtaken
from handlers.world import Choice, Forgotten, Needs, Patient, World
from handlers.world.changes import Cause, Outcome, Pair
from schemas.ids import PatientKind, patient_kind
from schemas.listing import ChoiceData, ListingState
from schemas.read import Tombstone

ListingEvent = ListingState | Tombstone


def needs(event: ListingEvent, world: World, cause: Cause) -> Needs:
    """The patient alone: a listing is decided without the doctor."""
    if isinstance(event, Tombstone) or patient_kind(event.patient_id) is not PatientKind.PERSONNUMMER:
        return Needs()
    return Needs(new_patients={int(event.patient_id)})


def decide(event: ListingEvent, world: World, cause: Cause) -> Outcome:
    """Takes the whole vårdval over unless it is stale (L1), then asks whether the link may stand (L3)."""
    if isinstance(event, Tombstone):
        return Outcome.UNCHANGED
    if patient_kind(event.patient_id) is not PatientKind.PERSONNUMMER:
        return Outcome.SKIPPED
    patient = world.patients[int(event.patient_id)]
    refusal = _not_taken(event, patient, world, cause)
    if refusal is not None:
        return refusal
    newer = patient.sequence != event.sequence
    if newer or patient.place != cause.place:
        patient.sequence, patient.place = event.sequence, cause.place
        world.changes.touch_patient(patient)
    if event.protected:
        protect(world, patient, cause)
        return Outcome.APPLIED
    if patient.forgotten is not None:  # known by the key alone until now (L7, L9)
        patient.forgotten, newer = None, True
        world.changes.touch_patient(patient)
    changed = _apply(event, patient, world, cause)
    return Outcome.APPLIED if changed or newer else Outcome.UNCHANGED


def protect(world: World, patient: Patient, cause: Cause) -> None:
    """1177 forgets the key, and so do we: only key, sequence and revision stay, to remember why (L7)."""
    links.withdraw(world, patient, "patient_protected", cause)
    forget(world, patient, Forgotten.PROTECTED)


def forget(world: World, patient: Patient, why: Forgotten) -> None:
    """Nothing is stored about the patient but what says that it is so (L7, L9)."""
    patient.current = patient.upcoming = patient.care_burden = patient.due = patient.place = None
    patient.forgotten = why
    world.changes.touch_patient(patient)


def _not_taken(event: ListingState, patient: Patient, world: World, cause: Cause) -> Outcome | None:
    """A lower sequence is stale, and an equal one that was overtaken; of a protected patient only a later fact without
    the mark is taken (L1, L7, L9, R2)."""
    stored = patient.sequence
    if stored is None:
        return None
    if event.sequence < stored:
        return Outcome.STALE
    if patient.forgotten is Forgotten.MOVED and event.sequence == stored:
        return Outcome.STALE
    if patient.forgotten is Forgotten.PROTECTED and (event.protected or event.sequence == stored):
        if event.sequence > stored:
            patient.sequence = event.sequence
            world.changes.touch_patient(patient)
        return Outcome.SKIPPED
    return Outcome.STALE if event.sequence == stored and overtaken(patient, cause) else None


def _apply(event: ListingState, patient: Patient, world: World, cause: Cause) -> bool:
    incoming = (_choice(event.current), _choice(event.upcoming), event.care_burden)
    if incoming == (patient.current, patient.upcoming, patient.care_burden):
        return False
    if incoming[2] != patient.care_burden and patient.link is not None:
        world.changes.mark_statistics_stale(Pair(patient.link.unit, patient.link.doctor), cause.time)
    patient.current, patient.upcoming, patient.care_burden = incoming
    world.changes.touch_patient(patient)
    reevaluate.reevaluate_link(world, patient, cause)
    patient.due = patient.next_due(world.today)
    return True


def _choice(choice: ChoiceData | None) -> Choice | None:
    return None if choice is None else Choice(choice.unit_hsa_id, choice.valid_from)
