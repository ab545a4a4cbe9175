"""Deciding without a trace: what a decision needs is read from one snapshot of the database, nothing is locked or
written, and what earlier decisions of the same rehearsal changed is carried in memory to the later ones (O2)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from copy import copy, deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from handlers.world import Doctor, Import, Needs, Patient, RosterEntry, Unit, World
from handlers.world.changes import Pair
from handlers.world.imports import ImportKey
from infra import timing
from infra.patient_keys import PatientKeys
from infra.postgres.connection import checkout
from infra.postgres.day import Day
from infra.postgres.load import Loader
from infra.postgres.reference_data import ReferenceData

#: so many patients and doctors are carried at most; what is decided beyond is an estimate
MOST_CARRIED = 100_000
_IDLE = "SELECT set_config('idle_in_transaction_session_timeout', $1, true)"


@dataclass(slots=True)
class Carried:
    """What has been decided so far, as the database would hold it had it been committed."""

    units: dict[str, Unit]
    doctors: dict[str, tuple[Doctor, list[RosterEntry]]] = field(default_factory=dict)
    patients: dict[int, Patient] = field(default_factory=dict)
    imports: dict[ImportKey, Import] = field(default_factory=dict)
    removed_imports: set[ImportKey] = field(default_factory=set)
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
            original_link=patient.link,
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

    def patients_asked_for(self, needs: Needs, world: World) -> set[int]:
        """Patients carried who may be among those that are asked for by something else than their ids."""
        found = {self._keys[key] for key in needs.patients_by_key if key in self._keys}
        for name in (*needs.links_of_doctor, *needs.links_of_unit):
            found |= self._linked.get(name, set())
        for unit in needs.unlinked_at:
            found = found.union(*(self._listed.get(name, ()) for name in world.predecessors_of(unit)))
        return found


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
            self._world.add_patient(copy(self._carried.patients[number]))
        return requested

    async def _counts(self, pairs: Any) -> None:
        await super()._counts(pairs)
        for pair in pairs:
            self._world.stored_counts[pair] += self._carried.counts[pair]

    async def _imports(self, needs: Needs) -> None:
        await super()._imports(needs)
        for key in self._carried.removed_imports & self._world.imports.keys():
            del self._world.imports[key]


@dataclass(slots=True, frozen=True)
class Snapshot:
    """One state of the database, for as long as its transaction lasts."""

    pg: asyncpg.Connection
    day: Day
    units: dict[str, Unit]


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
