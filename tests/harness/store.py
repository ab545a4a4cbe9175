"""The tables in memory, as the database would: it meets what a decision needs, nothing else, and keeps only what was
marked as changed.

So a decision that forgets to ask for something does not see it here either, and one that forgets to say what it
changed fails a test.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import date
from hashlib import sha256
from typing import Any, TypeVar

from handlers.world import Doctor, Import, Needs, Patient, Policy, RosterEntry, Unit, World
from handlers.world.changes import Cause, ChangeRecord, Pair
from handlers.world.imports import IMPORT_DAYS
from tests.harness.builders import DOCTOR, NOON, UNIT

T = TypeVar("T")


class Store:
    """What load and save are to PostgreSQL; both pass one suite (tests/infra/postgres/test_conformance.py).

    `changes` is all that was ever recorded, in order; `stale_statistics` are the pairs whose figures ever changed."""

    def __init__(self, policy: Policy, today: date) -> None:
        self.policy = policy
        self.today = today
        self.began = Cause("clock", "day", NOON)
        self.units: dict[str, Unit] = {}
        self.doctors: dict[str, Doctor] = {}
        self.roster: dict[Pair, RosterEntry] = {}
        self.patients: dict[int, Patient] = {}
        self.imports: dict[tuple[str, str], Import] = {}
        self.changes: list[ChangeRecord] = []
        self.stale_statistics: set[Pair] = set()

    def world(self) -> World:
        """What one decision begins with: the units and the day."""
        return World(self.today, self.began, self.policy, {i: replace(patient) for i, patient in self.units.items()})

    def drive(self, decision: Generator[Needs, None, T], world: World) -> T:
        """Runs a decision to its end, loading whatever it asks for."""
        while True:
            try:
                needs = next(decision)
            except StopIteration as done:
                result: T = done.value
                return result
            self.load(needs, world)

    def linked(self, doctor: str = DOCTOR, unit: str = UNIT) -> list[int]:
        """The doctor's patients at the unit."""
        return sorted(p.id for p in self.patients.values() if p.link and (p.link.unit, p.link.doctor) == (unit, doctor))

    def load(self, needs: Needs, world: World) -> None:
        """Everything asked for is in the world afterwards."""
        self._load_doctors(needs, world)
        self._load_patients(needs, world)
        for pair in needs.counts:
            world.stored_counts[pair] = len(self.linked(pair.doctor, pair.unit))
        self._load_imports(needs, world)

    def unknown(self, number: int) -> Patient:
        """A patient of whom nothing was heard."""
        return Patient(number, sha256(f"{number}".encode()).hexdigest()[:26], 0)

    def _load_doctors(self, needs: Needs, world: World) -> None:
        requested = set(needs.doctors) | {pair.doctor for pair in self.roster if pair.unit in needs.roster_of}
        for day in needs.due:
            requested |= {d.hsa_id for d in self.doctors.values() if self._comes(d.boundaries(), day)}
            requested |= {e.pair.doctor for e in self.roster.values() if self._comes(e.boundaries(), day)}
        for hsa_id in sorted(requested - world.doctors.keys()):
            world.add_doctor(replace(self.doctors.get(hsa_id, Doctor(hsa_id))))
            for entry in [entry for pair, entry in self.roster.items() if pair.doctor == hsa_id]:
                world.add_entry(replace(entry, profile=replace(entry.profile)))

    def _load_patients(self, needs: Needs, world: World) -> None:
        requested = {number for number in needs.patients if number in self.patients} | needs.new_patients
        requested |= {p.id for p in self.patients.values() if p.key in needs.patients_by_key}
        world.patient_keys |= {number: self.unknown(number).key for number in needs.patient_keys}
        counted = {pair.doctor for pair in needs.counts}
        for patient in self.patients.values():
            overdue = patient.due is not None and patient.due <= self.today
            if patient.link is not None and (
                patient.link.doctor in needs.links_of_doctor
                or patient.link.unit in needs.links_of_unit
                or (overdue and patient.link.doctor in counted)
            ):
                requested.add(patient.id)
            chosen = {choice.unit for choice in (patient.current, patient.upcoming) if choice is not None}
            if (patient.link is None or overdue) and any(
                chosen & world.predecessors_of(at) for at in needs.unlinked_at
            ):
                requested.add(patient.id)
        for number in sorted(requested - world.patients.keys()):
            patient = self.patients.get(number) or self.unknown(number)
            if patient.forgotten is None or number in needs.new_patients:
                world.add_patient(replace(patient))

    def _load_imports(self, needs: Needs, world: World) -> None:
        late = max((day - IMPORT_DAYS for day in needs.due), default=date.min)
        for key, patient in self.imports.items():
            due = patient.answered_by is None and patient.first_day <= late
            if (key in needs.imports or key[0] in needs.imports_at or due) and key not in world.imports:
                world.imports[key] = copy = deepcopy(patient)
                for part in copy.parts.values():
                    part.rows = None
        for key in needs.import_rows & world.imports.keys():
            for number, part in world.imports[key].parts.items():
                if part.rows is None:
                    part.rows = deepcopy(self.imports[key].parts[number].rows)

    def _unrecorded(self, world: World) -> Iterator[object]:
        """Whatever differs from what was loaded and is not in the change set: it would not be saved."""
        changes = world.changes
        recorded: set[object] = {*changes.patients, *changes.doctors, *changes.entries, *changes.units}
        recorded |= {number for number, patient in world.patients.items() if changes.is_due(patient)}
        tables: tuple[tuple[dict[Any, Any], dict[Any, Any], Callable[[Any], Any]], ...] = (
            (world.patients, self.patients, self.unknown),
            (world.doctors, self.doctors, Doctor),
            (world.roster, self.roster, RosterEntry),
            (world.units, self.units, Unit),
        )
        for loaded, stored, blank in tables:
            for key in loaded.keys() - recorded:
                if loaded[key] != (stored.get(key) or blank(key)):
                    yield loaded[key]
        moved = {(unit, key[1]): key for key, unit in changes.moved_imports}
        for name in world.imports.keys() - changes.imports:
            before = self.imports.get(moved.get(name, name))
            if before is None or _without_rows(world.imports[name]) != _without_rows(before, unit=name[0]):
                yield world.imports[name]

    def _comes(self, days: list[date], day: date) -> bool:
        return any(self.today < one <= day for one in days)

    def save(self, world: World) -> None:
        """Keeps what is in the change set; fails where anything else has changed."""
        assert list(self._unrecorded(world)) == []
        self.changes += world.changes.records
        self.stale_statistics |= world.changes.stale_statistics.keys()
        self.units |= {i: world.units[i] for i in world.changes.units}
        self.doctors |= {i: world.doctors[i] for i in world.changes.doctors}
        for pair in world.changes.removed_entries:
            self.roster.pop(pair, None)
        self.roster |= {pair: world.roster[pair] for pair in world.changes.entries}
        self.patients |= {i: world.patients[i] for i in world.changes.patients}
        for patient in self.patients.values():
            at = patient.link
            if at is not None and (
                at.unit in world.changes.due_units or Pair(at.unit, at.doctor) in world.changes.due_pairs
            ):
                patient.due = world.today
        for key, at_unit in world.changes.moved_imports:
            moved = self.imports.pop(key)
            moved.unit = at_unit
            self.imports[at_unit, key[1]] = moved
        for key in world.changes.removed_imports:
            self.imports.pop(key, None)
        for key in world.changes.imports & world.imports.keys():
            stored = self.imports.get(key)
            rows = {} if stored is None else {n: part.rows for n, part in stored.parts.items()}
            self.imports[key] = stored_import = world.imports[key]
            for number, part in stored_import.parts.items():
                part.rows = rows.get(number) if part.rows is None else part.rows


def _without_rows(waiting: Import, **changes: Any) -> Import:
    """Rows are loaded only where they are asked for."""
    parts = {number: replace(part, rows=None) for number, part in waiting.parts.items()}
    return replace(waiting, parts=parts, **changes)
