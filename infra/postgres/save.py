"""Writes what a decision changed: set-based, a handful of statements whatever the size of the batch (P3).

What had no row when it was loaded could not be locked, so two transactions may have decided on it at once. Only the one
that makes the row first is saved; the other leaves it alone, counts, raises ConcurrentInsert and is tried again with
what the first one wrote. Whoever forgets a patient without a row takes the key of `patient` for the length of the
transaction, and whoever makes a row looks afterwards whether the patient was forgotten meanwhile.

No statement here may violate a constraint: PostgreSQL would write the key or the row, personnummer and all, into its
own log (D1).
"""

from __future__ import annotations

from datetime import date
from typing import Any

import asyncpg

from handlers.world import Doctor, Patient, RosterEntry, World
from infra.errors import ConcurrentInsert
from infra.postgres import audit, rows
from infra.postgres.day import cause_json
from infra.postgres.load import Loader
from infra.postgres.statistics import mark_stale

_UNITS = """
INSERT INTO unit (hsa_id, version, removed, fact_at, name, kind, care_giver, first_day, last_day, replaced_by, revision)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (hsa_id) DO UPDATE
SET (version, removed, fact_at, name, kind, care_giver, first_day, last_day, replaced_by, revision)
= ROW(excluded.version, excluded.removed, excluded.fact_at, excluded.name, excluded.kind, excluded.care_giver,
      excluded.first_day, excluded.last_day, excluded.replaced_by, excluded.revision)
"""
_UNITS_REVISION = "UPDATE day SET units_revision = units_revision + 1 RETURNING units_revision"
_DOCTORS = """
INSERT INTO doctor (hsa_id, version, removed, protected, fact_at, vgr_id, name, licensed, employments, next_due)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::bool[], $4::bool[], $5::timestamptz[], $6::text[], $7::text[],
                     $8::bool[], $9::jsonb[], $10::date[])
ON CONFLICT (hsa_id) DO UPDATE
SET (version, removed, protected, fact_at, vgr_id, name, licensed, employments, next_due)
= ROW(excluded.version, excluded.removed, excluded.protected, excluded.fact_at, excluded.vgr_id, excluded.name,
      excluded.licensed, excluded.employments, excluded.next_due)
WHERE doctor.hsa_id <> ALL($11::text[])
"""
_ROSTER = """
INSERT INTO roster (unit, doctor, activated, active, pause_start, pause_end, profile, published, revision, next_due)
SELECT * FROM unnest($1::text[], $2::text[], $3::bool[], $4::bool[], $5::date[], $6::date[], $7::json[], $8::json[],
                     $9::bigint[], $10::date[])
ON CONFLICT (doctor, unit) DO UPDATE
SET (activated, active, pause_start, pause_end, profile, published, revision, next_due)
= ROW(excluded.activated, excluded.active, excluded.pause_start, excluded.pause_end, excluded.profile,
      excluded.published, excluded.revision, excluded.next_due)
"""
_PATIENT_COLUMNS = """unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bool[], $5::text[], $6::date[], $7::text[],
    $8::date[], $9::float8[], $10::date[]"""
_UPDATE_PATIENTS = f"""
UPDATE patient SET sequence = new.sequence, revision = new.revision, announced = new.announced, current_unit =
new.current_unit, current_from = new.current_from, upcoming_unit = new.upcoming_unit, upcoming_from =
new.upcoming_from, care_burden = new.care_burden, next_due = new.next_due FROM {_PATIENT_COLUMNS}) AS new(id,
sequence, revision, announced, current_unit, current_from, upcoming_unit, upcoming_from, care_burden, next_due) WHERE
patient.id = new.id"""
_INSERT_PATIENTS = f"""
INSERT INTO patient (id, sequence, revision, announced, current_unit, current_from, upcoming_unit, upcoming_from,
    care_burden, next_due, key, partition)
SELECT * FROM {_PATIENT_COLUMNS}, $11::text[], $12::int[])
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
_MOVE_IMPORT = "UPDATE import SET unit = $3 WHERE (unit, import_id) = ($1, $2)"
_MOVE_PARTS = "UPDATE import_part SET unit = $3 WHERE (unit, import_id) = ($1, $2)"
_REMOVE_IMPORT = "DELETE FROM import WHERE (unit, import_id) = ($1, $2)"
_REMOVE_PARTS = "DELETE FROM import_part WHERE (unit, import_id) = ($1, $2)"
_IMPORT = """
INSERT INTO import (unit, import_id, first_day, answered_source, answered_id) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (unit, import_id) DO UPDATE
SET answered_source = excluded.answered_source, answered_id = excluded.answered_id
WHERE NOT $6
"""
_PART = """
INSERT INTO import_part (unit, import_id, part, parts, ordinal, unit_as_written, cause, rows)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (unit, import_id, part) DO UPDATE
SET (parts, ordinal, unit_as_written, cause, rows)
= ROW(excluded.parts, excluded.ordinal, excluded.unit_as_written, excluded.cause, excluded.rows)
"""


async def save(pg: asyncpg.Connection, world: World, loader: Loader) -> None:
    """Everything the world's verbs changed, in the transaction in which `loader` loaded it. Offsets and the outbox are
    others'. Raises ConcurrentInsert where another transaction was first with a row."""
    await _units(pg, world)
    doctors = [world.doctors[i] for i in sorted(world.changes.doctors)]
    await _doctors(pg, doctors, world.today, loader.unknown_doctors)
    await _roster(pg, [world.roster[pair] for pair in sorted(world.changes.entries)], world.today)
    await _patients(pg, [world.patients[i] for i in sorted(world.changes.patients)])
    await _links(pg, [world.patients[i] for i in sorted(world.changes.patients)])
    await _due(pg, world)
    await _imports(pg, world, loader.unknown_imports)
    await audit.write(pg, world.changes.records)
    await mark_stale(pg, world.changes.stale_statistics)


async def _units(pg: asyncpg.Connection, world: World) -> None:
    if not world.changes.units:
        return
    revision = await pg.fetchval(_UNITS_REVISION)
    units = [world.units[hsa_id] for hsa_id in sorted(world.changes.units)]
    await pg.executemany(
        _UNITS,
        [
            (
                *(u.hsa_id, u.version, u.removed, u.fact_at, u.name, u.kind, u.care_giver),
                *(u.start, u.end, u.replaced_by, revision),
            )
            for u in units
        ],
    )


async def _doctors(pg: asyncpg.Connection, doctors: list[Doctor], today: date, unknown: set[str]) -> None:
    if not doctors:
        return
    await _insert(
        pg,
        "a doctor",
        _DOCTORS,
        [d.hsa_id for d in doctors],
        [d.version for d in doctors],
        [d.removed for d in doctors],
        [d.protected for d in doctors],
        [d.fact_at for d in doctors],
        [d.vgr_id for d in doctors],
        [d.name for d in doctors],
        [d.licensed for d in doctors],
        [rows.employments_json(d) for d in doctors],
        [_next(d.boundaries(), today) for d in doctors],
        [d.hsa_id for d in doctors if d.hsa_id in unknown],
    )


async def _roster(pg: asyncpg.Connection, entries: list[RosterEntry], today: date) -> None:
    if not entries:
        return
    await pg.execute(
        _ROSTER,
        [e.pair.unit for e in entries],
        [e.pair.doctor for e in entries],
        [e.activated for e in entries],
        [e.active for e in entries],
        [e.pause and e.pause.start for e in entries],
        [e.pause and e.pause.end for e in entries],
        [rows.profile_json(e) for e in entries],
        [rows.published_json(e) for e in entries],
        [e.revision for e in entries],
        [_next(e.boundaries(), today) for e in entries],
    )


async def _insert(pg: asyncpg.Connection, what: str, statement: str, *columns: list[Any]) -> None:
    """One row for each item of the columns. Raises ConcurrentInsert where one of them was there already."""
    _count(await pg.execute(statement, *columns), len(columns[0]), what)


def _count(done: str, rows: int, what: str) -> None:
    if done != f"INSERT 0 {rows}":
        raise ConcurrentInsert(what)


def _next(days: list[date], today: date) -> date | None:
    return min((day for day in days if day > today), default=None)


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
        await _insert(pg, "a patient", _INSERT_PATIENTS, *_columns(new), keys, partitions)
        if await pg.fetchval(_FORGOTTEN_MEANWHILE, [p.key for p in new]):
            raise ConcurrentInsert("a patient who was forgotten")
    if gone:
        await _forget(pg, gone)


async def _forget(pg: asyncpg.Connection, gone: list[Patient]) -> None:
    """Leaves key, sequence and revision alone (L7, L9)."""
    if never_stored := [p.id for p in gone if not p.is_persisted and p.original_forgotten is None]:
        await _insert(pg, "a patient", _RESERVE_IDS, never_stored)
    await pg.execute(_DELETE_PATIENTS, [p.id for p in gone if p.is_persisted or p.original_forgotten is None])
    by_key = sorted(gone, key=lambda p: p.key)
    if new := [p for p in by_key if p.original_forgotten is None]:
        await _insert(pg, "a forgotten patient", _FORGET, *_forgotten_columns(new))
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
    return (
        [p.id for p in patients],
        [p.sequence for p in patients],
        [p.revision for p in patients],
        [p.announced for p in patients],
        [p.current and p.current.unit for p in patients],
        [p.current and p.current.valid_from for p in patients],
        [p.upcoming and p.upcoming.unit for p in patients],
        [p.upcoming and p.upcoming.valid_from for p in patients],
        [p.care_burden for p in patients],
        [p.due for p in patients],
    )


async def _links(pg: asyncpg.Connection, changed: list[Patient]) -> None:
    """Takes out what stood before and copies in what stands now: quicker than an upsert for thousands of links. Whoever
    has the patient's row is alone with the link, so that no key can be taken when it is copied."""
    moved = [p for p in changed if p.link != p.original_link]
    if moved:
        await pg.execute(_UNLINK, [p.id for p in moved])
    if stand := [(p.id, *p.link) for p in moved if p.link is not None]:
        await pg.copy_records_to_table("link", records=stand, columns=_LINK_COLUMNS)


async def _due(pg: asyncpg.Connection, world: World) -> None:
    """Patients whom the day touched are not loaded when it begins; they are marked and worked off later (T5)."""
    if world.changes.due_units:
        await pg.execute(_DUE_AT_UNITS, sorted(world.changes.due_units), world.today)
    if world.changes.due_pairs:
        pairs = sorted(world.changes.due_pairs)
        await pg.execute(_DUE_AT_PAIRS, [p.unit for p in pairs], [p.doctor for p in pairs], world.today)


async def _imports(pg: asyncpg.Connection, world: World, unknown: set[tuple[str, str]]) -> None:
    for key, unit in world.changes.moved_imports:
        await pg.execute(_MOVE_IMPORT, *key, unit)
        await pg.execute(_MOVE_PARTS, *key, unit)
    for key in sorted(world.changes.removed_imports):
        await pg.execute(_REMOVE_IMPORT, *key)
        await pg.execute(_REMOVE_PARTS, *key)
    for key in sorted(world.changes.imports):
        waiting = world.imports.get(key)
        if waiting is None:
            continue
        source, id = waiting.answered_by or (None, None)
        done = await pg.execute(_IMPORT, *key, waiting.first_day, source, id, key in unknown)
        _count(done, 1, "an import")
        if waiting.answered_by is not None:
            await pg.execute(_REMOVE_PARTS, *key)
        for part in waiting.parts.values():
            if part.rows is not None:
                cause, packed = cause_json(part.cause), rows.pack_rows(part.rows)
                await pg.execute(_PART, *key, part.part, part.parts, part.order, part.unit, cause, packed)
