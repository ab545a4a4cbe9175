"""`distribute-patients`: who gets whom is the product's choice; counts, ceilings, ages and fairness are not (C10)."""

import random
from collections.abc import Mapping

from tests.model.commands import Answer, Data, means
from tests.model.outputs import Outputs

Assignment = Mapping[str, str]  # patient id -> doctor


class Unfair(AssertionError):
    """The product placed patients as the rules forbid."""


def distribute(state: Outputs, data: Data, observed: Assignment | int | None) -> Answer:
    """Judges, then adopts what the product did (or spreads by itself when nothing was observed)."""
    unit = means(state, data["unit_hsa_id"])
    named = [one.upper() for one in data.get("doctor_hsa_ids") or []]
    for doctor in named:
        fault = state.unavailable(doctor, unit)
        if fault:
            return Answer(fault)
    everyone = sorted(doctor for at, doctor in state.roster if at == unit)
    doctors = named or [doctor for doctor in everyone if state.unavailable(doctor, unit) is None]
    if not doctors:
        return Answer("doctor_not_active")
    lacking = [pid for pid, one in sorted(state.patients.items()) if not one.link and state.listed_at(pid) == unit]
    limit, dry = data.get("limit"), data.get("dry_run", False)
    total = len(lacking) if limit is None else min(limit, len(lacking))
    own = spread(state, data, unit, doctors, lacking, total)
    if isinstance(observed, int):
        return dry_answer(state, unit, doctors, lacking, total, (len(own), observed), limited=limit is not None)
    placed = own if observed is None else dict(observed)
    before = {doctor: state.room(doctor, unit) for doctor in doctors}
    check(state, unit, before, lacking, placed, total)
    if not dry:
        for patient_id, doctor in sorted(placed.items()):
            state.link(patient_id, unit, doctor, state.today, "distributed")
    return answer(state, unit, doctors, lacking, placed, total, limited=limit is not None)


def answer(
    state: Outputs, unit: str, doctors: list[str], lacking: list[str], placed: Assignment, total: int, *, limited: bool
) -> Answer:
    """Godkända = Uppdaterade, Felaktiga could not be placed."""
    left = [pid for pid in lacking if pid not in placed]
    no_age = sum(not any(state.fits(pid, doctor, unit) for doctor in doctors) for pid in left)
    unplaced = None if limited else {"no_free_place": len(left) - no_age, "age_outside_limits": no_age}
    code = "done" if placed else "unchanged"
    return Answer(code, total, len(placed), unplaced=unplaced, not_placed=total - len(placed))


def dry_answer(
    state: Outputs,
    unit: str,
    doctors: list[str],
    lacking: list[str],
    total: int,
    sizes: tuple[int, int],
    *,
    limited: bool,
) -> Answer:
    """Only the number is known: two greedy spreads differ by a factor of two at most."""
    own, count = sizes
    if count > total or not own <= 2 * count <= 4 * own:
        raise Unfair(f"a dry run placed {count} of {total}, another spread places {own}")
    no_age = sum(not any(state.fits(pid, doctor, unit) for doctor in doctors) for pid in lacking)
    unplaced = None if limited else {"no_free_place": total - count - no_age, "age_outside_limits": no_age}
    return Answer("done" if count else "unchanged", total, count, unplaced=unplaced, not_placed=total - count)


def spread(state: Outputs, data: Data, unit: str, doctors: list[str], lacking: list[str], total: int) -> dict[str, str]:
    """Any sound assignment, for when there is no product to follow."""
    rng = random.Random(data["seed"])
    placed: dict[str, str] = {}
    for patient_id in rng.sample(lacking, len(lacking)):
        if len(placed) == total:
            break
        fitting = [one for one in doctors if state.fits(patient_id, one, unit)]
        free = [one for one in fitting if has_room(state.room(one, unit), one, placed)]
        if free:
            placed[patient_id] = rng.choice(free)
    return placed


def has_room(room: int | None, doctor: str, placed: Assignment) -> bool:
    """Whether the doctor can take one more after these."""
    return room is None or room > sum(one == doctor for one in placed.values())


def check(
    state: Outputs, unit: str, rooms: Mapping[str, int | None], lacking: list[str], placed: Assignment, total: int
) -> None:
    """Nobody but those who lack a doctor, never above a ceiling or outside an age, nobody left while there is room."""
    if not set(placed) <= set(lacking) or len(placed) > total:
        raise Unfair(f"{len(placed)} placed of {total}, {len(set(placed) - set(lacking))} of them not lacking a doctor")
    for patient_id, doctor in placed.items():
        if doctor not in rooms or not state.fits(patient_id, doctor, unit):
            raise Unfair("a patient was given to a doctor who was not asked or whose age limits exclude the patient")
    for doctor, room in rooms.items():
        if room is not None and sum(one == doctor for one in placed.values()) > max(room, 0):
            raise Unfair("a ceiling was passed")
    left = [pid for pid in lacking if pid not in placed]
    free = [doctor for doctor, room in rooms.items() if has_room(room, doctor, placed)]
    stuck = sum(not any(state.fits(pid, doctor, unit) for doctor in free) for pid in left)
    if stuck < total - len(placed):
        raise Unfair(f"{total - len(placed)} left without, but only {stuck} of them had nowhere to go")
