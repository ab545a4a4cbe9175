"""A day began: units, employments, absences and pauses begin and end, listings take effect (T1, T4, T5)."""

from __future__ import annotations

from datetime import date

from handlers import roster, unit
from handlers.eligibility import selectable
from handlers.replies import refused, reply, shown_unit
from handlers.world import Needs, Patient, World, meaning
from handlers.world.changes import Cause, Noted, Outcome, Pair
from handlers.world.imports import IMPORT_DAYS
from schemas.clock import DayBegan
from schemas.command import ImportLinks


def needs(event: DayBegan, world: World, cause: Cause) -> Needs:
    """Everything but patients that the day touches."""
    touched = _touched_units(world, event.day)
    return Needs(due={event.day}, roster_of=touched, imports_at=touched)


def decide(event: DayBegan, world: World, cause: Cause) -> Outcome:
    """The new day holds from here on (T5). Linked patients it touches become due; `reevaluate.catch_up` works them
    off."""
    day = event.day
    touched = _touched_units(world, day)
    world.today, world.began = day, cause
    world.forget_meanings()
    unit.follow(world, touched, cause)
    world.changed_doctors |= {hsa_id for hsa_id, doctor in world.doctors.items() if doctor.version is not None}
    world.changed_entries |= world.roster.keys()
    for doctor in sorted(world.doctors):
        for pair in roster.pairs_of(world, doctor):
            roster.settle(world, pair, cause)
            if world.policy.end_links_of_leavers and not selectable(world, pair):
                world.due_pairs.add(pair)
    world.due_units |= touched
    for patient in world.patients.values():
        if patient.link is not None and _concerned(world, patient):
            patient.due = day
        if patient.due is not None and patient.due <= day:
            world.overdue.add(patient.id)
    _refuse_incomplete(world, cause)
    return Outcome.APPLIED


def _concerned(world: World, patient: Patient) -> bool:
    held = patient.link
    return held is not None and (held.unit in world.due_units or Pair(held.unit, held.doctor) in world.due_pairs)


def _touched_units(world: World, day: date) -> set[str]:
    """Units that end, and those that some id means on one of the two days only (S9)."""
    touched = {u.hsa_id for u in world.units.values() if u.end is not None and world.today <= u.end < day}
    for hsa_id, fact in world.units.items():
        if fact.replaced_by and (now := meaning(world.units, hsa_id, day)) != world.resolve(hsa_id):
            touched |= {hsa_id, now, world.resolve(hsa_id)}
    return touched


def _refuse_incomplete(world: World, cause: Cause) -> None:
    for key, waiting in sorted(world.imports.items()):
        if waiting.answered_by is None and waiting.first_day + IMPORT_DAYS <= world.today:
            first = min(waiting.parts.values(), key=lambda part: part.order)
            answer = refused("import_incomplete")
            world.changes.append(reply(ImportLinks.name, first.unit, answer, first.cause))
            noted = Noted(ImportLinks.name, "import_incomplete", shown_unit(key[0]), None, None, first.cause)
            world.changes.append(noted)
            waiting.answered_by = (first.cause.source, first.cause.id)
            waiting.parts.clear()
            world.changed_imports.add(key)
