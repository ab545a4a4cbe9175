"""Writes what a decision changed on patients and their links: the tables that hold personnummer.

Whoever forgets a patient without a row takes the key of `patient` for the length of the transaction, and whoever makes
a row looks afterwards whether the patient was forgotten meanwhile.
"""

from __future__ import annotations

from typing import Any

import asyncpg

from handlers.world import Patient, World
from infra.errors import ConcurrentInsert
from infra.postgres.inserts import insert, refuse_nulls
from infra.postgres.rows import place_columns

_PATIENT_COLUMNS = """unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bool[], $5::text[], $6::date[], $7::text[],
    $8::date[], $9::float8[], $10::date[], $11::int[], $12::bigint[]"""
_UPDATE_PATIENTS = f"""
UPDATE patient SET sequence = new.sequence, revision = new.revision, announced = new.announced, current_unit =
new.current_unit, current_from = new.current_from, upcoming_unit = new.upcoming_unit, upcoming_from =
new.upcoming_from, care_burden = new.care_burden, next_due = new.next_due, fact_partition = new.fact_partition,
fact_offset = new.fact_offset FROM {_PATIENT_COLUMNS}) AS new(id, sequence, revision, announced, current_unit,
current_from, upcoming_unit, upcoming_from, care_burden, next_due, fact_partition, fact_offset) WHERE patient.id =
new.id"""
_INSERT_PATIENTS = f"""
INSERT INTO patient (id, sequence, revision, announced, current_unit, current_from, upcoming_unit, upcoming_from,
    care_burden, next_due, fact_partition, fact_offset, key, partition)
SELECT * FROM {_PATIENT_COLUMNS}, $13::text[], $14::int[])
ON CONFLICT DO NOTHING
"""
_DELETE_PATIENTS = "DELETE FROM patient WHERE id = ANY($1)"
_RESERVE_IDS = """
INSERT INTO patient (id, key, partition, sequence, revision, announced)
SELECT id, '', 0, 0, 0, false FROM unnest($1::bigint[]) AS new(id)
ON CONFLICT DO NOTHING
"""
_FORGET = """
INSERT INTO forgotten (key, sequence, revision, reason)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[])
ON CONFLICT DO NOTHING
"""
_UPDATE_TOMBSTONE = """
UPDATE forgotten SET (sequence, revision, reason) = ROW(new.sequence, new.revision, new.reason)
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[]) AS new(key, sequence, revision, reason)
WHERE forgotten.key = new.key
"""
_FORGOTTEN_MEANWHILE = "SELECT EXISTS (SELECT FROM forgotten WHERE key = ANY($1))"
_RESTORE = "DELETE FROM forgotten WHERE key = ANY($1)"
_UNLINK = "DELETE FROM link WHERE patient_id = ANY($1)"
_LINK_COLUMNS = ("patient_id", "unit", "doctor", "start_day")
_DUE_AT_UNITS = """
UPDATE patient SET next_due = $2 FROM link WHERE link.patient_id = patient.id AND link.unit = ANY($1)
"""
_DUE_AT_PAIRS = """
UPDATE patient SET next_due = $3 FROM link
WHERE link.patient_id = patient.id
  AND (link.unit, link.doctor) IN (SELECT * FROM unnest($1::text[], $2::text[]))
"""


async def save(pg: asyncpg.Connection, world: World) -> None:
    """Patients and links that differ from what was loaded. Raises ConcurrentInsert where another transaction was first
    with a row, or forgot the patient meanwhile."""
    changed = [world.patients[i] for i in sorted(world.changes.patients)]
    await _patients(pg, changed)
    await _links(pg, changed)
    await _due(pg, world)


async def _patients(pg: asyncpg.Connection, changed: list[Patient]) -> None:
    stored = [p for p in changed if p.is_persisted and p.forgotten is None]
    new = [p for p in changed if not p.is_persisted and p.forgotten is None]
    gone = [p for p in changed if p.forgotten is not None]
    if stored:
        await pg.execute(_UPDATE_PATIENTS, *_columns(stored))
    if back := [p.key for p in new if p.original_forgotten is not None]:
        await pg.execute(_RESTORE, back)
    if new:
        keys, partitions = [p.key for p in new], [p.partition for p in new]
        refuse_nulls("patient", key=keys, partition=partitions)
        await insert(pg, "a patient", _INSERT_PATIENTS, *_columns(new), keys, partitions)
        if await pg.fetchval(_FORGOTTEN_MEANWHILE, [p.key for p in new]):
            raise ConcurrentInsert("a patient who was forgotten")
    if gone:
        await _forget(pg, gone)


async def _forget(pg: asyncpg.Connection, gone: list[Patient]) -> None:
    """Leaves key, sequence and revision alone (L7, L9)."""
    if never_stored := [p.id for p in gone if not p.is_persisted and p.original_forgotten is None]:
        await insert(pg, "a patient", _RESERVE_IDS, never_stored)
    await pg.execute(_DELETE_PATIENTS, [p.id for p in gone if p.is_persisted or p.original_forgotten is None])
    by_key = sorted(gone, key=lambda p: p.key)
    if new := [p for p in by_key if p.original_forgotten is None]:
        await insert(pg, "a forgotten patient", _FORGET, *_forgotten_columns(new))
    if still := [p for p in by_key if p.original_forgotten is not None]:
        await pg.execute(_UPDATE_TOMBSTONE, *_forgotten_columns(still))


def _forgotten_columns(gone: list[Patient]) -> tuple[list[Any], ...]:
    return (
        [p.key for p in gone],
        [p.sequence for p in gone],
        [p.revision for p in gone],
        [str(p.forgotten) for p in gone],
    )


def _columns(patients: list[Patient]) -> tuple[list[Any], ...]:
    sequences, revisions = [p.sequence for p in patients], [p.revision for p in patients]
    announced = [p.announced for p in patients]
    refuse_nulls("patient", sequence=sequences, revision=revisions, announced=announced)
    return (
        [p.id for p in patients],
        sequences,
        revisions,
        announced,
        [p.current and p.current.unit for p in patients],
        [p.current and p.current.valid_from for p in patients],
        [p.upcoming and p.upcoming.unit for p in patients],
        [p.upcoming and p.upcoming.valid_from for p in patients],
        [p.care_burden for p in patients],
        [p.due for p in patients],
        *place_columns(patients),
    )


async def _links(pg: asyncpg.Connection, changed: list[Patient]) -> None:
    """Takes out what stood before and copies in what stands now: quicker than an upsert for thousands of links. Whoever
    has the patient's row is alone with the link, so that no key can be taken when it is copied."""
    moved = [p for p in changed if p.link != p.original_link]
    if moved:
        await pg.execute(_UNLINK, [p.id for p in moved])
    if stand := [(p.id, *p.link) for p in moved if p.link is not None]:
        refuse_nulls("link", **dict(zip(_LINK_COLUMNS, zip(*stand, strict=True), strict=True)))
        await pg.copy_records_to_table("link", records=stand, columns=_LINK_COLUMNS)


async def _due(pg: asyncpg.Connection, world: World) -> None:
    """Patients whom the day touched are not loaded when it begins; they are marked and worked off later (T5)."""
    if world.changes.due_units:
        await pg.execute(_DUE_AT_UNITS, sorted(world.changes.due_units), world.today)
    if world.changes.due_pairs:
        pairs = sorted(world.changes.due_pairs)
        await pg.execute(_DUE_AT_PAIRS, [p.unit for p in pairs], [p.doctor for p in pairs], world.today)
