"""A day began: units, employments, absences and pauses begin and end, listings take effect (T1, T4, T5)."""

from __future__ import annotations

from datetime import date

from handlers import roster, unit
from handlers.eligibility import is_selectable
from handlers.redaction import redact_unit
from handlers.replies import refused, reply
from handlers.world import Needs, Successors, World
from handlers.world.changes import AuditEntry, Cause, Outcome
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
    touched = _touched_units(world, event.day)
    world.today, world.began = event.day, cause
    world.clear_successor_cache()
    unit.apply_replacements(world, touched, cause)
    _reevaluate_roster(world, cause)
    _mark_patients_due(world, touched)
    _refuse_incomplete(world, cause)
    return Outcome.APPLIED


def _reevaluate_roster(world: World, cause: Cause) -> None:
    """All that was loaded is saved, also where only the day changes on which it is due next (T4)."""
    for doctor in world.doctors.values():
        if doctor.version is not None:
            world.changes.touch_doctor(doctor)
    for entry in world.roster.values():
        world.changes.touch_entry(entry)
    for hsa_id in sorted(world.doctors):
        for pair in roster.pairs_of(world, hsa_id):
            roster.reevaluate(world, pair, cause)
            if world.policy.end_links_of_leavers and not is_selectable(world, pair):
                world.changes.mark_pair_due(pair)


def _mark_patients_due(world: World, units: set[str]) -> None:
    """Those linked at a unit or with a doctor that the day touched, loaded or not (T5)."""
    for hsa_id in units:
        world.changes.mark_unit_due(hsa_id)
    for patient in world.patients.values():
        if world.changes.is_due(patient):
            patient.due = world.today
        if patient.due is not None and patient.due <= world.today:
            world.overdue.add(patient.id)


def _touched_units(world: World, day: date) -> set[str]:
    """Units that end, and those that some id means on one of the two days only (S9)."""
    touched = {u.hsa_id for u in world.units.values() if u.end is not None and world.today <= u.end < day}
    then = Successors(world.units, day)
    for hsa_id, fact in world.units.items():
        if fact.replaced_by and (now := then.of(hsa_id)) != world.resolve_unit(hsa_id):
            touched |= {hsa_id, now, world.resolve_unit(hsa_id)}
    return touched


def _refuse_incomplete(world: World, cause: Cause) -> None:
    for key, waiting in sorted(world.imports.items()):
        if waiting.answered_by is None and waiting.first_day + IMPORT_DAYS <= world.today:
            first = min(waiting.parts.values(), key=lambda part: part.order)
            answer = refused("import_incomplete")
            world.changes.record(reply(ImportLinks.name, first.unit, answer, first.cause))
            noted = AuditEntry(ImportLinks.name, "import_incomplete", redact_unit(key[0]), None, None, first.cause)
            world.changes.record(noted)
            waiting.answered_by = (first.cause.source, first.cause.id)
            waiting.parts.clear()
            world.changes.touch_import(key)
