"""The rows of an import, each judged by its first fault; the ceiling counts for the file as a whole (C11)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import cache

from handlers.commands.checks import (
    age_fault,
    date_fault,
    day_of,
    doctor_fault,
    doctor_of,
    listed_at,
    unit_from_text,
)
from handlers.world import Link, Row, World
from handlers.world.changes import Pair
from schemas.ids import normal_hsa_id
from schemas.reply import Refusal


@dataclass(slots=True)
class Verdict:
    """What the rows come to: faults (place in the file, row number, code), links to make and starts to set right, by
    patient id."""

    faults: list[tuple[int, int, Refusal]] = field(default_factory=list)
    linked: dict[int, Link] = field(default_factory=dict)
    redated: dict[int, date] = field(default_factory=dict)


def judge(rows: list[Row], unit: str, override: frozenset[str], world: World) -> Verdict:
    """Every row of the file, in the order of its parts. Nothing in the world changes."""
    verdict = Verdict()
    ids_fault = _ids_fault_of(unit, world)
    # The same few doctors stand in thousands of rows.
    fault_of = cache(lambda pair: doctor_fault(world, pair))
    seen: set[int | str | None] = set()
    new_rows: defaultdict[Pair, list[tuple[int, int, int]]] = defaultdict(list)
    for place, row in enumerate(rows):
        fault = _form_fault(row, ids_fault, world) or ("duplicate_row" if row.patient in seen else None)
        seen.add(row.patient)
        fault = fault or _state_fault(row, unit, fault_of, override, world)
        if fault is not None or not isinstance(row.patient, int):
            verdict.faults.append((place, row.row, fault or "patient_not_listed"))
            continue
        pair, number = Pair(unit, doctor_of(row.doctor)), row.patient
        start = None if row.start is None else day_of(row.start)
        current = world.patients[number].link
        if current is None or current.doctor != pair.doctor:
            verdict.linked[number] = Link(unit, pair.doctor, start or world.today)
            new_rows[pair].append((place, row.row, number))
        elif start is not None and start != current.start:
            verdict.redated[number] = start
    if "ceiling" not in override:
        _judge_ceilings(verdict, new_rows, world)
    return verdict


def well_formed(rows: list[Row], unit: str, world: World) -> list[Row]:
    """Those whose patients must be known to judge them: a file of the whole region need not be loaded to refuse it."""
    ids_fault = _ids_fault_of(unit, world)
    return [row for row in rows if _form_fault(row, ids_fault, world) is None]


def _form_fault(row: Row, ids_fault: Callable[[str, str], Refusal | None], world: World) -> Refusal | None:
    """What is wrong with the row itself."""
    if row.patient is None:
        return "invalid_patient_id"
    fault = ids_fault(row.unit, row.doctor)
    if row.start is not None and fault != "invalid_hsa_id":
        fault = date_fault(world, row.start) or fault
    return fault


def _ids_fault_of(unit: str, world: World) -> Callable[[str, str], Refusal | None]:
    @cache  # the same few units and doctors stand in thousands of rows
    def fault(row_unit: str, doctor: str) -> Refusal | None:
        if normal_hsa_id(row_unit) is None or normal_hsa_id(doctor) is None:
            return "invalid_hsa_id"
        return "unit_mismatch" if unit_from_text(world, row_unit) != unit else None

    return fault


def _state_fault(
    row: Row, unit: str, fault_of: Callable[[Pair], Refusal | None], override: frozenset[str], world: World
) -> Refusal | None:
    """What stands in the way at the unit; a doctor the patient already has is not judged on pause, absence or age."""
    number, pair = row.patient, Pair(unit, doctor_of(row.doctor))
    if not isinstance(number, int) or not listed_at(world, number, unit):
        return "patient_not_listed"
    fault = fault_of(pair)
    current = world.patients[number].link
    if current is not None and current.doctor == pair.doctor:
        return fault if fault == "doctor_not_active" else None
    return fault or (None if "age" in override else age_fault(world, pair, number))


def _judge_ceilings(verdict: Verdict, new_rows: dict[Pair, list[tuple[int, int, int]]], world: World) -> None:
    """Where a doctor's patients after all rows were above the ceiling, the last of the doctor's new rows are faulty."""
    leaving: defaultdict[Pair, int] = defaultdict(int)
    for number in verdict.linked:
        current = world.patients[number].link
        if current is not None:
            leaving[Pair(current.unit, current.doctor)] += 1
    for pair, rows in new_rows.items():
        ceiling = world.roster[pair].profile.patient_ceiling
        if ceiling is None:
            continue
        excess = min(len(rows), world.count(pair) - leaving[pair] + len(rows) - ceiling)
        for place, row, number in rows[len(rows) - excess :] if excess > 0 else ():
            verdict.faults.append((place, row, "ceiling_reached"))
            del verdict.linked[number]
