"""Whether a link may stand: the one place where the reasons for its end are weighed (E1, E2)."""

from __future__ import annotations

from datetime import date, timedelta

from handlers import links
from handlers.changes import Cause, Pair
from handlers.selectable import last_day, selectable
from handlers.world import Needs, Patient, World

ONE_DAY = timedelta(days=1)


def settle(world: World, patient: Patient, cause: Cause) -> bool:
    """Follows a replaced unit, then ends the link for the first reason that holds; True when anything changed.

    A unit's replacement is applied before any reason (E2), so a link can move and end by the same cause.
    """
    moved = follow_replacement(world, patient, cause)
    return end_by_listing(world, patient, cause) or end_by_place(world, patient, cause) or moved


def needs_of_due(world: World, patient: Patient | None) -> Needs:
    """What `catch_up` needs: the doctor, where the day may have touched the patient (T5) or the unit was replaced."""
    held = patient.link if patient else None
    if patient is None or held is None:
        return Needs()
    touched = (patient.due is not None and patient.due <= world.today) or world.resolve(held.unit) != held.unit
    return Needs(doctors={held.doctor}) if touched else Needs()


def catch_up(world: World, patient: Patient) -> bool:
    """What the day has caused here comes before anything else is decided on the patient (T4, T5)."""
    if patient.due is None or patient.due > world.today:
        return False
    settle(world, patient, world.began)
    patient.due = patient.next_due(world.today)
    world.changed_patients.add(patient.id)
    return True


def follow_replacement(world: World, patient: Patient, cause: Cause) -> bool:
    """A link at a replaced unit moves to the new one, same start (S9)."""
    held = patient.link
    if held is None or (unit := world.resolve(held.unit)) == held.unit:
        return False
    links.rekey(world, patient, held._replace(unit=unit), "unit_replaced", cause)
    return True


def end_by_listing(world: World, patient: Patient, cause: Cause) -> bool:
    """Ends the link of a patient no longer listed at its unit (L3), the day before the new listing began (E1)."""
    held = patient.link
    if held is None:
        return False
    listed = patient.listed(world.today)
    if listed is None:
        links.end(world, patient, "unlisted", world.today, cause)
        return True
    if world.resolve(listed.unit) != held.unit:
        before = listed.valid_from - ONE_DAY if listed.valid_from > date.min else date.min
        links.end(world, patient, "relisted", before, cause)
        return True
    return False


def end_by_place(world: World, patient: Patient, cause: Cause) -> bool:
    """Ends the link where the unit closed (S9), or the doctor was withdrawn (S7) or left (S6).

    The doctor is judged where the decision has them: a listing is decided without, because whatever happens to a doctor
    ends their links itself, at once or as work of the day (`due`).
    """
    held = patient.link
    if held is None:
        return False
    if world.closed(held.unit):
        unit = world.unit(held.unit)
        links.end(world, patient, "unit_closed", unit.end or world.today, cause)
        return True
    doctor = world.doctors.get(held.doctor)
    if doctor is None:
        return False
    if doctor.protected:
        links.end(world, patient, "doctor_withdrawn", world.today, cause)
        return True
    pair = Pair(held.unit, held.doctor)
    if world.policy.end_links_of_leavers and not selectable(world, pair):
        links.end(world, patient, "doctor_left", last_day(world, pair), cause)
        return True
    return False
