"""Loads and locks what a decision needs: doctors first, then patients, each in the order of their keys.

One order for all processes, so that they wait for each other instead of deadlocking. Where a decision finds out late
that it needs something that comes before what is locked already, the transaction starts again with all of it
(LockOrderViolation)."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

import asyncpg

from handlers.world import Import, ImportPart, Needs, World
from handlers.world.changes import Pair
from handlers.world.imports import IMPORT_DAYS, ImportKey
from infra.errors import BatchTooLarge, LockOrderViolation
from infra.offload import run_in_thread_if_large
from infra.patient_keys import PatientKeys
from infra.postgres import rows
from infra.postgres.day import cause_from

_DOCTORS = """
SELECT hsa_id, version, removed, protected, fact_at, vgr_id, name, licensed, employments, last_revision, fact_partition,
    fact_offset
FROM doctor WHERE hsa_id = ANY($1) ORDER BY hsa_id
"""
_ROSTER = """
SELECT unit, doctor, activated, active, pause_start, pause_end, profile, published, revision
FROM roster WHERE doctor = ANY($1)
"""
_ROSTER_AT = "SELECT DISTINCT doctor FROM roster WHERE unit = ANY($1)"
_DUE_DOCTORS = """
SELECT hsa_id FROM doctor WHERE next_due <= $1 UNION SELECT doctor FROM roster WHERE next_due <= $1
"""
_PATIENTS = """
SELECT id, key, partition, sequence, revision, announced, current_unit, current_from, upcoming_unit, upcoming_from,
       care_burden, next_due, fact_partition, fact_offset
FROM patient WHERE id = ANY($1) ORDER BY id
"""
_LINKS = "SELECT patient_id, unit, doctor, start_day FROM link WHERE patient_id = ANY($1)"
_FORGOTTEN = "SELECT key, sequence, revision, reason FROM forgotten WHERE key = ANY($1) ORDER BY key"
_KNOWN_BY = "SELECT id FROM patient WHERE key = ANY($1) AND key <> ''"
_LINKED_TO = "SELECT patient_id FROM link WHERE doctor = ANY($1)"
_LINKED_AT = "SELECT patient_id FROM link WHERE unit = ANY($1)"
_OVERDUE_OF = """
SELECT id FROM patient JOIN link ON patient_id = id WHERE next_due <= $2 AND doctor = ANY($1)
"""
_LACKING = """
SELECT id FROM patient
WHERE (current_unit = ANY($1) OR upcoming_unit = ANY($1))
  AND (next_due <= $2 OR NOT EXISTS (SELECT FROM link WHERE patient_id = id))
"""
_COUNTS = """
SELECT link.unit, link.doctor, count(*) FROM link
JOIN (SELECT DISTINCT * FROM unnest($1::text[], $2::text[]) AS pair(unit, doctor)) AS pair USING (unit, doctor)
GROUP BY 1, 2
"""
_IMPORTS = """
SELECT unit, import_id, first_day, answered_source, answered_id FROM import
WHERE (unit, import_id) IN (SELECT * FROM unnest($1::text[], $2::text[])) OR unit = ANY($3)
   OR (answered_id IS NULL AND first_day <= $4)
ORDER BY unit, import_id
"""
_PARTS = """
SELECT part, parts, ordinal, unit_as_written, cause FROM import_part WHERE (unit, import_id) = ($1, $2)
"""
_PART_ROWS = "SELECT part, rows FROM import_part WHERE (unit, import_id) = ($1, $2)"


class Loader:
    """Fills one world from one transaction. `exclusive`: nobody else changes anything, so no order has to be kept.
    `most_patients`: with more of them in the world BatchTooLarge is raised."""

    #: what every row that is loaded is locked with
    lock_rows = " FOR UPDATE"

    def __init__(
        self,
        pg: asyncpg.Connection,
        world: World,
        keys: PatientKeys,
        *,
        exclusive: bool,
        in_progress: bool,
        most_patients: int,
    ) -> None:
        self._pg = pg
        self._world = world
        self._keys = keys
        self._exclusive = exclusive
        self._in_progress = in_progress
        self._most_patients = most_patients
        self._last_doctor = ""
        self._last_patient = -1
        #: what had no row when it was looked for: nobody else may have made one before this transaction does
        self.unknown_doctors: set[str] = set()
        self.unknown_imports: set[tuple[str, str]] = set()

    async def load(self, needs: Needs) -> None:
        """Everything asked for is in the world afterwards. Raises LockOrderViolation or BatchTooLarge."""
        await self._doctors(needs)
        await self._patients(needs)
        if needs.patient_keys:
            await self._patient_keys(needs.patient_keys)
        if needs.counts:
            await self._counts(needs.counts)
        await self._imports(needs)

    async def _requested_doctors(self, needs: Needs) -> set[str]:
        requested = set(needs.doctors)
        if needs.roster_of:
            requested |= await self._column(_ROSTER_AT, list(needs.roster_of))
        for day in needs.due:
            requested |= await self._column(_DUE_DOCTORS, day)
        return requested

    async def _doctors(self, needs: Needs) -> None:
        new = sorted(await self._requested_doctors(needs) - self._world.doctors.keys())
        if not new:
            return
        # Doctors are locked before patients and each in the order of their keys: one before the last could deadlock.
        if not self._exclusive and (new[0] < self._last_doctor or self._last_patient >= 0):
            raise LockOrderViolation
        self._last_doctor = new[-1]
        found = await self._pg.fetch(_DOCTORS + self.lock_rows, new)
        for row in found:
            self._world.add_doctor(rows.doctor(row))
        for hsa_id in new:
            if hsa_id not in self._world.doctors:
                self._world.add_doctor(rows.unknown_doctor(hsa_id))
                self.unknown_doctors.add(hsa_id)
        if found:
            for row in await self._pg.fetch(_ROSTER, [row[0] for row in found]):
                self._world.add_entry(rows.entry(row))

    async def _requested_patients(self, needs: Needs) -> set[int]:
        requested = {*needs.patients, *needs.new_patients}
        if needs.patients_by_key:
            requested |= await self._column(_KNOWN_BY, list(needs.patients_by_key))
        if needs.links_of_doctor:
            requested |= await self._column(_LINKED_TO, list(needs.links_of_doctor))
        if needs.links_of_unit:
            requested |= await self._column(_LINKED_AT, list(needs.links_of_unit))
        if needs.counts and self._in_progress:
            doctors = list({pair.doctor for pair in needs.counts})
            requested |= await self._column(_OVERDUE_OF, doctors, self._world.today)
        for unit in needs.unlinked_at:
            names = list(self._world.predecessors_of(unit))
            requested |= await self._column(_LACKING, names, self._world.today)
        return requested

    async def _patients(self, needs: Needs) -> None:
        new = sorted(await self._requested_patients(needs) - self._world.patients.keys())
        if not new:
            return
        if len(new) + len(self._world.patients) > self._most_patients:
            raise BatchTooLarge
        if not self._exclusive and new[0] < self._last_patient:
            raise LockOrderViolation
        self._last_patient = new[-1]
        found = await self._pg.fetch(_PATIENTS + self.lock_rows, new)
        links = {row[0]: row for row in await self._pg.fetch(_LINKS, new)} if found else {}
        for row in found:
            self._world.add_patient(rows.patient(row, links.get(row[0])))
        if len(found) < len(new):
            await self._unknown(needs.new_patients - self._world.patients.keys())

    async def _unknown(self, numbers: set[int]) -> None:
        """Patients without a row: never heard of, or forgotten and known by their key alone (L7, L9)."""
        keys = {self._keys.key(number): number for number in sorted(numbers)}
        if not keys:
            return
        forgotten = {row[0]: row for row in await self._pg.fetch(_FORGOTTEN + self.lock_rows, sorted(keys))}
        for key, number in keys.items():
            partition = self._keys.partition(key)
            self._world.add_patient(rows.unknown_patient(number, key, partition, forgotten.get(key)))

    async def _patient_keys(self, ids: Set[int]) -> None:
        """Four microseconds each: a file's are made beside the event loop."""
        key = self._keys.key
        self._world.patient_keys |= await run_in_thread_if_large(len(ids), lambda: {id: key(id) for id in ids})

    async def _counts(self, pairs: Set[Pair]) -> None:
        for pair in pairs:
            self._world.stored_counts[pair] = 0
        units, doctors = [pair.unit for pair in pairs], [pair.doctor for pair in pairs]
        for unit, doctor, number in await self._pg.fetch(_COUNTS, units, doctors):
            self._world.stored_counts[Pair(unit, doctor)] = number

    async def _imports(self, needs: Needs) -> None:
        if needs.imports or needs.imports_at or needs.due:
            units, ids = [key[0] for key in needs.imports], [key[1] for key in needs.imports]
            overdue = max((day - IMPORT_DAYS for day in needs.due), default=None)
            for unit, import_id, first_day, source, id in await self._pg.fetch(
                _IMPORTS + self.lock_rows, units, ids, list(needs.imports_at), overdue
            ):
                if (unit, import_id) not in self._world.imports:
                    waiting = Import(unit, import_id, first_day, answered_by=None if id is None else (source, id))
                    self._world.imports[unit, import_id] = waiting
                    await self._load_import_parts(waiting)
            self.unknown_imports |= needs.imports - self._world.imports.keys()
        for key in needs.import_rows:
            import_ = self._world.imports.get(key)
            for part, packed in await self._pg.fetch(_PART_ROWS, *self._stored_key(key)):
                if import_ is not None and part in import_.parts and import_.parts[part].rows is None:
                    import_.parts[part].rows = rows.unpack_rows(packed)

    async def _load_import_parts(self, waiting: Import) -> None:
        if waiting.answered_by is None:
            for part, parts, order, unit, cause in await self._pg.fetch(_PARTS, waiting.unit, waiting.import_id):
                waiting.parts[part] = ImportPart(part, parts, order, unit, cause_from(cause))

    def _stored_key(self, key: ImportKey) -> ImportKey:
        """Under which key the database holds the import's parts."""
        return key

    async def _column(self, query: str, *args: object) -> set[Any]:
        return {row[0] for row in await self._pg.fetch(query, *args)}
