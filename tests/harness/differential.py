"""A region that is stored twice: in memory, as handler tests have it, and in PostgreSQL, as the service has it.

Whatever a decision asks for is loaded from both and must be the same, and whatever it changed is saved in both. So the
store that hundreds of tests rest on is held against the one that runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from datetime import date
from typing import Any, TypeVar

import orjson

from handlers.world import Import, Needs, Patient, World
from infra.patient_keys import PatientKeys
from infra.postgres.connection import connect
from infra.postgres.day import Day, due_patients, save_day
from infra.postgres.load import Loader
from infra.postgres.reference_data import ReferenceData
from infra.postgres.save import save
from tests.harness.region import Region
from tests.model.state import Settings

T = TypeVar("T")

KEYS = PatientKeys(Settings().secret.encode(), 12)


class DifferentialRegion(Region):
    """Nothing is known of it yet, no day either. `close` lets go of the database."""

    def __init__(self, url: str) -> None:
        super().__init__(today=date.min)
        self._runner = asyncio.Runner()
        self._pg = self._run(connect(url))
        for kind in ("json", "jsonb"):  # as the pool's connections read them
            self._run(self._pg.set_type_codec(kind, encoder=str, decoder=orjson.loads, schema="pg_catalog"))
        self._reference_data = ReferenceData()

    def close(self) -> None:
        """Ends the connection and its event loop."""
        self._run(self._pg.close())
        self._runner.close()

    def works_off(self) -> None:
        """As in memory, where both know of the same patients that are due."""
        in_memory = {p.id for p in self.patients.values() if p.due is not None and p.due <= self.today}
        in_database = {id for id, _ in self._run(due_patients(self._pg, self.today, 1_000_000))}
        assert in_database == in_memory
        super().works_off()

    def world(self) -> World:
        self._transaction = self._pg.transaction()
        self._run(self._transaction.start())
        self._run(self._reference_data.enter(self._pg, exclusive=True))
        world = super().world()
        assert self._reference_data.units == world.units
        self._stored = World(self.today, self.began, self.policy, dict(self._reference_data.units))
        self._loader = Loader(self._pg, self._stored, KEYS, exclusive=True, in_progress=True, most_patients=1_000_000)
        return world

    def load(self, needs: Needs, world: World) -> None:
        before = World(world.today, world.began)
        before.doctors, before.roster = dict(world.doctors), dict(world.roster)
        before.patients, before.imports = dict(world.patients), dict(world.imports)
        super().load(needs, world)
        self._run(self._loader.load(needs))
        stored = self._stored
        assert _new(stored.doctors, before.doctors) == _new(world.doctors, before.doctors)
        assert _new(stored.roster, before.roster) == _new(world.roster, before.roster)
        assert _patients(stored, before) == _patients(world, before)
        assert _new(stored.imports, before.imports) == _new(world.imports, before.imports)
        assert (stored.stored_counts, stored.patient_keys) == (world.stored_counts, world.patient_keys)
        for key in needs.import_rows & world.imports.keys():
            assert _rows(stored.imports[key]) == _rows(world.imports[key])

    def unknown(self, number: int) -> Patient:
        key = KEYS.key(number)
        return Patient(number, key, KEYS.partition(key))

    def save(self, world: World) -> None:
        super().save(world)
        for number, patient in world.patients.items():  # how the rows stood is known to the database alone
            stored = self._stored.patients[number]
            patient.is_persisted, patient.original_forgotten = stored.is_persisted, stored.original_forgotten
            patient.original_link = stored.original_link
        self._run(save(self._pg, world, self._loader))
        self._run(save_day(self._pg, Day(world.today, True, world.began)))
        self._run(self._transaction.commit())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)


def _new(loaded: dict[Any, Any], before: dict[Any, Any]) -> dict[Any, Any]:
    return {key: value for key, value in loaded.items() if key not in before}


def _patients(world: World, before: World) -> dict[int, Patient]:
    """As they are, whatever their rows were like."""
    return {
        number: replace(patient, is_persisted=True, original_forgotten=None, original_link=None)
        for number, patient in _new(world.patients, before.patients).items()
    }


def _rows(waiting: Import) -> dict[int, Any]:
    return {number: part.rows for number, part in waiting.parts.items()}
