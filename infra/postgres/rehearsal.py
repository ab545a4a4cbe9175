"""Deciding without a trace: what a decision needs is read from one snapshot of the database, nothing is locked or
written, and what earlier decisions of the same rehearsal changed is carried in memory to the later ones (O2)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from copy import copy, deepcopy
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from handlers.world import ChangeSet, Doctor, Import, Needs, Patient, RosterEntry, Unit, World
from handlers.world.changes import Pair
from handlers.world.imports import IMPORT_DAYS, ImportKey
from infra import timing
from infra.patient_keys import PatientKeys
from infra.postgres.connection import checkout
from infra.postgres.day import Day
from infra.postgres.load import Loader
from infra.postgres.reference_data import ReferenceData

#: so many patients and doctors are carried at most; what is decided beyond is an estimate
MOST_CARRIED = 100_000
ONE_DAY = timedelta(days=1)
_IDLE = "SELECT set_config('idle_in_transaction_session_timeout', $1, true)"
_NEXT_DUE = """
SELECT least(
    (SELECT min(next_due) FROM patient WHERE next_due > $1), (SELECT min(next_due) FROM doctor WHERE next_due > $1),
    (SELECT min(next_due) FROM roster WHERE next_due > $1),
    (SELECT min(first_day) + $2::int FROM import WHERE answered_id IS NULL AND first_day + $2::int > $1))
"""
_DUE_PATIENTS = """
SELECT id FROM patient WHERE next_due <= $2 AND ($1::date IS NULL OR next_due > $1)
UNION SELECT patient_id FROM link WHERE unit = ANY($3)
UNION SELECT patient_id FROM link WHERE (unit, doctor) IN (SELECT * FROM unnest($4::text[], $5::text[]))
"""


@dataclass(slots=True)
class Carried:
    """What has been decided so far, as the database would hold it had it been committed."""

    units: dict[str, Unit]
    doctors: dict[str, tuple[Doctor, list[RosterEntry]]] = field(default_factory=dict)
    patients: dict[int, Patient] = field(default_factory=dict)
    imports: dict[ImportKey, Import] = field(default_factory=dict)
    removed_imports: set[ImportKey] = field(default_factory=set)
    #: of imports that moved, the key under which the snapshot holds their parts
    stored_keys: dict[ImportKey, ImportKey] = field(default_factory=dict)
    #: by how much the number of patients linked at a pair differs from the database's
    counts: Counter[Pair] = field(default_factory=Counter)
    #: too much has changed to carry all of it
    full: bool = False
    _doctors_at: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _linked: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    _listed: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    _keys: dict[str, int] = field(default_factory=dict)

    def keep(self, world: World) -> None:
        """Carries on what was decided on this world."""
        changes = world.changes
        self.units = world.units
        self.counts.update(world.count_change)
        self._keep_imports(world)
        pairs = changes.entries | changes.removed_entries
        doctors, patients = changes.doctors | {pair.doctor for pair in pairs}, changes.patients
        if self.full or len(self.doctors) + len(self.patients) + len(doctors) + len(patients) > MOST_CARRIED:
            self.full = True
            doctors, patients = doctors & self.doctors.keys(), patients & self.patients.keys()
        for hsa_id in doctors:
            entries = [world.roster[pair] for pair in world.entries_of[hsa_id]]
            self.doctors[hsa_id] = world.doctors[hsa_id], entries
            for entry in entries:
                self._doctors_at[entry.pair.unit].add(hsa_id)
        for number in patients:
            self._keep_patient(world.patients[number])

    def _keep_patient(self, patient: Patient) -> None:
        patient = self.patients[patient.id] = replace(
            patient,
            is_persisted=patient.forgotten is None,
            original_forgotten=patient.forgotten,
        )
        self._keys[patient.key] = patient.id
        if patient.link is not None:
            self._linked[patient.link.unit].add(patient.id)
            self._linked[patient.link.doctor].add(patient.id)
        for choice in (patient.current, patient.upcoming):
            if choice is not None:
                self._listed[choice.unit].add(patient.id)

    def _keep_imports(self, world: World) -> None:
        changes = world.changes
        for old, unit in changes.moved_imports:
            self.stored_keys[unit, old[1]] = self.stored_keys.pop(old, old)
        moved = {(unit, old[1]) for old, unit in changes.moved_imports}
        self.removed_imports |= changes.removed_imports | {old for old, _ in changes.moved_imports}
        for key in changes.imports | moved:
            if key in world.imports:
                self.imports[key] = world.imports[key]
                self.removed_imports.discard(key)
        for key in self.removed_imports:
            self.imports.pop(key, None)

    def doctors_at(self, units: Iterable[str]) -> set[str]:
        """Doctors carried who may be on the roster of one of the units."""
        return set().union(*(self._doctors_at.get(unit, ()) for unit in units))

    def doctors_due(self, today: date, day: date) -> set[str]:
        """Doctors carried to whom, or to an entry of theirs, something happens after today and by the day (T4)."""
        return {hsa_id for hsa_id, held in self.doctors.items() if any(today < on <= day for on in _boundaries(*held))}

    def patients_due(self, today: date, marks: ChangeSet) -> set[int]:
        """Patients carried on whom the day, as it began, has work left (T5)."""
        return {p.id for p in self.patients.values() if (p.due is not None and p.due <= today) or marks.is_due(p)}

    def next_due(self, today: date) -> date | None:
        """The next day on which something happens to what is carried, or to a unit (T4)."""
        days = [on for held in self.doctors.values() for on in _boundaries(*held)]
        days += [patient.due for patient in self.patients.values() if patient.due is not None]
        days += [unit.end + ONE_DAY for unit in self.units.values() if unit.end is not None and unit.end < date.max]
        days += [one.first_day + IMPORT_DAYS for one in self.imports.values() if one.answered_by is None]
        return min((on for on in days if on > today), default=None)

    def patients_asked_for(self, needs: Needs, world: World) -> set[int]:
        """Patients carried who may be among those that are asked for by something else than their ids."""
        found = {self._keys[key] for key in needs.patients_by_key if key in self._keys}
        for name in (*needs.links_of_doctor, *needs.links_of_unit):
            found |= self._linked.get(name, set())
        for unit in needs.unlinked_at:
            found = found.union(*(self._listed.get(name, ()) for name in world.predecessors_of(unit)))
        return found


def _boundaries(doctor: Doctor, entries: Iterable[RosterEntry]) -> list[date]:
    return doctor.boundaries() + [on for entry in entries for on in entry.boundaries()]


class RehearsalLoader(Loader):
    """Fills a world from a snapshot and what is carried. Locks nothing, so it keeps no order."""

    lock_rows = ""

    def __init__(
        self, pg: asyncpg.Connection, world: World, keys: PatientKeys, carried: Carried, day: Day, most_patients: int
    ) -> None:
        super().__init__(pg, world, keys, exclusive=True, in_progress=day.in_progress, most_patients=most_patients)
        self._carried = carried
        world.imports.update(deepcopy(carried.imports))

    async def _requested_doctors(self, needs: Needs) -> set[str]:
        """Those carried are put into the world at once, so that they are not loaded."""
        requested = await super()._requested_doctors(needs) | self._carried.doctors_at(needs.roster_of)
        for day in needs.due:
            requested |= self._carried.doctors_due(self._world.today, day)
        for hsa_id in requested & self._carried.doctors.keys() - self._world.doctors.keys():
            doctor, entries = self._carried.doctors[hsa_id]
            self._world.add_doctor(copy(doctor))
            for entry in entries:
                self._world.add_entry(deepcopy(entry))
        return requested

    async def _requested_patients(self, needs: Needs) -> set[int]:
        """Those carried are put into the world at once, so that they are not loaded."""
        requested = await super()._requested_patients(needs) | self._carried.patients_asked_for(needs, self._world)
        for number in requested & self._carried.patients.keys() - self._world.patients.keys():
            patient = self._carried.patients[number]
            if patient.is_persisted or number in needs.new_patients:
                self._world.add_patient(copy(patient))
            else:  # forgotten meanwhile: the snapshot still has a row of theirs
                requested.discard(number)
        return requested

    async def _counts(self, pairs: Any) -> None:
        await super()._counts(pairs)
        for pair in pairs:
            self._world.stored_counts[pair] += self._carried.counts[pair]

    def _stored_key(self, key: ImportKey) -> ImportKey:
        return self._carried.stored_keys.get(key, key)

    async def _imports(self, needs: Needs) -> None:
        there = set(self._world.imports)
        await super()._imports(needs)
        for key in self._carried.removed_imports & self._world.imports.keys() - there:
            del self._world.imports[key]


@dataclass(slots=True, frozen=True)
class Snapshot:
    """One state of the database, for as long as its transaction lasts."""

    pg: asyncpg.Connection
    day: Day
    units: dict[str, Unit]

    async def next_day(self, carried: Carried, today: date, target: date) -> date:
        """As `day.next_day`, with what is carried; a day may be told on which nothing happens any more."""
        stored = await self.pg.fetchval(_NEXT_DUE, today, IMPORT_DAYS.days)
        return min(on for on in (stored, carried.next_due(today), target) if on is not None)

    async def due_patients(self, carried: Carried, before: date | None, today: date, marks: ChangeSet) -> list[int]:
        """Patients on whom today has work left (T5), by patient id. `before`: the day that was before today, whose own
        work is done; `marks`: whom today has marked as it began."""
        pairs = sorted(marks.due_pairs)
        units, doctors = [pair.unit for pair in pairs], [pair.doctor for pair in pairs]
        rows = await self.pg.fetch(_DUE_PATIENTS, before, today, sorted(marks.due_units), units, doctors)
        stored = {row[0] for row in rows} - carried.patients.keys()
        return sorted(stored | carried.patients_due(today, marks))


@asynccontextmanager
async def snapshot(engine: AsyncEngine) -> AsyncIterator[Snapshot]:
    """A transaction that reads one state of the database, and can write and lock nothing. Raises what the database
    raises."""
    async with checkout(engine) as pg, pg.transaction(isolation="repeatable_read", readonly=True):
        # It holds no lock that anybody could wait for, and what it is read for may come slowly.
        await pg.execute(_IDLE, str(timing.ms(timing.SNAPSHOT_IDLE_SECONDS)))
        reference_data = ReferenceData()
        day = await reference_data.read(pg)
        yield Snapshot(pg, day, reference_data.units)
