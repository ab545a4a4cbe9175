"""The checks that every command passes first, in order (C1, C3), and those on a doctor who receives patients (C7)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from handlers.eligibility import absent
from handlers.roster import paused
from handlers.world import Profile, RosterEntry, World
from handlers.world.changes import Pair
from schemas.command import (
    ActivateDoctor,
    Command,
    DeactivateDoctor,
    LinkPatient,
    PauseDoctor,
    ResumeDoctor,
    UpdateDoctorProfile,
)
from schemas.ids import PatientKind, normal_hsa_id, patient_kind
from schemas.reply import Refusal

DoctorCommand = ActivateDoctor | DeactivateDoctor | PauseDoctor | ResumeDoctor | UpdateDoctorProfile | LinkPatient

ROLES = frozenset({"VC-chef", "Vårdvalsbehörig"})

_is_day = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch


def unit_of(world: World, command: Command) -> str:
    """The unit that the command's id means today (S9)."""
    return unit_from_text(world, command.unit_hsa_id)


def unit_from_text(world: World, text: str) -> str:
    """The unit a text means, compared without case (glossary); a malformed id means itself."""
    return world.resolve_unit(normal_hsa_id(text) or text.upper())


def doctor_of(text: str) -> str:
    """The doctor's id, compared without case (glossary)."""
    return normal_hsa_id(text) or text.upper()


def pair_of(world: World, command: DoctorCommand) -> Pair:
    """The doctor at the unit that the command means."""
    return Pair(unit_of(world, command), doctor_of(command.doctor_hsa_id))


def active_entry(world: World, command: DoctorCommand) -> RosterEntry | None:
    """The doctor's entry at the unit, None where they are not active there (C5, C6)."""
    entry = world.roster.get(pair_of(world, command))
    return entry if entry is not None and entry.active else None


def first_fault(
    world: World, command: Command, *, doctors: Iterable[str] = (), patient: str | None = None, start: str | None = None
) -> Refusal | None:
    """The first of C3's codes that holds; None: the command's own checks may begin. `start` is a link's date (C12)."""
    unit = unit_of(world, command)
    if command.actor.role not in ROLES or unit_from_text(world, command.actor.unit_hsa_id) != unit:
        return "not_authorised"
    if world.closed(unit):
        return "unit_closed"
    if any(normal_hsa_id(text) is None for text in (command.unit_hsa_id, *doctors)):
        return "invalid_hsa_id"
    if patient is not None and not is_personnummer(patient):
        return "invalid_patient_id"
    return None if start is None else date_fault(world, start)


def day_of(text: str) -> date | None:
    """The day a command names as `YYYY-MM-DD`; None when it is no such day (C3)."""
    if not _is_day(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def date_fault(world: World, text: str) -> Refusal | None:
    """A link's date may lie in the past, never in the future (C12)."""
    day = day_of(text)
    if day is None:
        return "invalid_date"
    return "date_in_future" if day > world.today else None


def is_personnummer(text: str) -> bool:
    """Anything else is no patient of ours (C3, L8)."""
    return patient_kind(text) is PatientKind.PERSONNUMMER


def doctor_fault(world: World, pair: Pair) -> Refusal | None:
    """Why the doctor takes no new patient today, ages and ceiling apart (C7)."""
    entry = world.roster.get(pair)
    if entry is None or not entry.active:
        return "doctor_not_active"
    if paused(world, entry):
        return "doctor_paused"
    return "doctor_absent" if absent(world, pair) else None


def age(patient_id: int, today: date) -> int:
    """Age in whole years (glossary, age limits): the personnummer begins with the birth date. One born on 29 February
    turns older on 1 March."""
    born, birthday = divmod(patient_id // 10_000, 10_000)
    return today.year - born - (today.month * 100 + today.day < birthday)


def fits(profile: Profile, patient_id: int, today: date) -> bool:
    """Whether the patient's age lies within the doctor's limits (C6, C7)."""
    years = age(patient_id, today)
    low, high = profile.age_min, profile.age_max
    return (low is None or low <= years) and (high is None or years <= high)


def age_fault(world: World, pair: Pair, patient_id: int) -> Refusal | None:
    """Whether the age lies outside the doctor's limits (C7)."""
    return None if fits(world.roster[pair].profile, patient_id, world.today) else "age_outside_limits"


def free_places(world: World, pair: Pair) -> int | None:
    """How many more patients the doctor takes; None without a ceiling, never below 0 (C7; needs `counts`)."""
    ceiling = world.roster[pair].profile.patient_ceiling
    return None if ceiling is None else max(0, ceiling - world.count(pair))


def listed_at(world: World, patient_id: int, unit: str) -> bool:
    """Whether the patient is listed at the unit today (L2); one unknown or protected is not (C7)."""
    patient = world.patients.get(patient_id)
    choice = patient.listed(world.today) if patient is not None and patient.forgotten is None else None
    return choice is not None and world.resolve_unit(choice.unit) == unit
