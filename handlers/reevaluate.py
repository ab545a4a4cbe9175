"""Whether a link may stand: the one place where the reasons for its end are weighed (E1, E2)."""

from __future__ import annotations

from datetime import date, timedelta

from handlers import links
from handlers.eligibility import is_selectable, last_day
from handlers.world import Needs, Patient, World
from handlers.world.changes import Cause, Pair

ONE_DAY = timedelta(days=1)


def reevaluate_link(world: World, patient: Patient, cause: Cause) -> bool:
    """Follows a replaced unit, then ends the link for the first reason that holds; True when anything changed.

    A unit's replacement is applied before any reason (E2), so a link can move and end by the same cause.
    """
    moved = follow_replacement(world, patient, cause)
    return end_by_listing(world, patient, cause) or end_by_unit_or_doctor(world, patient, cause) or moved


def needs_of_overdue(world: World) -> Needs:
    """The doctors of loaded patients whom the day touched (T5)."""
    linked = (world.patients[number].link for number in world.overdue)
    return Needs(doctors={link.doctor for link in linked if link is not None})


def catch_up(world: World) -> None:
    """What the day has caused for loaded patients happens before anything else is decided on them (T4, T5)."""
    for number in sorted(world.overdue):
        patient = world.patients[number]
        reevaluate_link(world, patient, world.began)
        patient.due = patient.next_due(world.today)
        world.changes.touch_patient(patient)
    world.overdue.clear()


def follow_replacement(world: World, patient: Patient, cause: Cause) -> bool:
    """A link at a replaced unit moves to the new one, same start (S9)."""
    link = patient.link
    if link is None or (unit := world.resolve_unit(link.unit)) == link.unit:
        return False
    links.rekey(world, patient, link._replace(unit=unit), "unit_replaced", cause)
    return True


def end_by_listing(world: World, patient: Patient, cause: Cause) -> bool:
    """Ends the link of a patient no longer listed at its unit (L3), the day before the new listing began (E1)."""
    link = patient.link
    if link is None:
        return False
    listed = patient.listed(world.today)
    if listed is None:
        links.end(world, patient, "unlisted", world.today, cause)
        return True
    if world.resolve_unit(listed.unit) != link.unit:
        before = listed.valid_from - ONE_DAY if listed.valid_from > date.min else date.min
        links.end(world, patient, "relisted", before, cause)
        return True
    return False


def end_by_unit_or_doctor(world: World, patient: Patient, cause: Cause) -> bool:
    """Ends the link where the unit closed (S9), or the doctor was withdrawn (S7) or left (S6).

    The doctor is judged where the decision has them: a listing is decided without, because whatever happens to a doctor
    ends their links itself, at once or as work of the day (`due`).
    """
    link = patient.link
    if link is None:
        return False
    if world.closed(link.unit):
        unit = world.unit(link.unit)
        links.end(world, patient, "unit_closed", unit.end or world.today, cause)
        return True
    doctor = world.doctors.get(link.doctor)
    if doctor is None:
        return False
    if doctor.protected:
        links.end(world, patient, "doctor_withdrawn", world.today, cause)
        return True
    pair = Pair(link.unit, link.doctor)
    if world.policy.end_links_of_leavers and not is_selectable(world, pair):
        links.end(world, patient, "doctor_left", last_day(world, pair), cause)
        return True
    return False
