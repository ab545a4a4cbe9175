"""Whether a link may stand: the one place where the reasons for its end are weighed (E1, E2)."""

from __future__ import annotations

from datetime import date, timedelta

from handlers import links
from handlers.eligibility import last_day, selectable
from handlers.world import Needs, Patient, World
from handlers.world.changes import Cause, Pair

ONE_DAY = timedelta(days=1)


def settle(world: World, patient: Patient, cause: Cause) -> bool:
    """Follows a replaced unit, then ends the link for the first reason that holds; True when anything changed.

    A unit's replacement is applied before any reason (E2), so a link can move and end by the same cause.
    """
    moved = follow_replacement(world, patient, cause)
    return end_by_listing(world, patient, cause) or end_by_place(world, patient, cause) or moved


def needs_of_overdue(world: World) -> Needs:
    """The doctors of loaded patients whom the day touched (T5)."""
    linked = (world.patients[number].link for number in world.overdue)
    return Needs(doctors={held.doctor for held in linked if held is not None})


def catch_up(world: World) -> None:
    """What the day has caused for loaded patients happens before anything else is decided on them (T4, T5)."""
    for number in sorted(world.overdue):
        patient = world.patients[number]
        settle(world, patient, world.began)
        patient.due = patient.next_due(world.today)
        world.changed_patients.add(number)
    world.overdue.clear()


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
