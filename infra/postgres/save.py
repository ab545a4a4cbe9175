"""Writes what a decision changed: set-based, a handful of statements whatever the size of the batch (P3).

What had no row when it was loaded could not be locked, so two transactions may have decided on it at once. Only the one
that makes the row first is saved; the other leaves it alone, counts, raises ConcurrentInsert and is tried again with
what the first one wrote. No statement may violate a constraint of a table that holds personnummer (`inserts.py`).
"""

from __future__ import annotations

from datetime import date

import asyncpg

from handlers.world import Doctor, RosterEntry, World
from handlers.world.changes import Pair
from infra.postgres import audit, patients, rows
from infra.postgres.day import cause_json
from infra.postgres.inserts import count_inserted, insert
from infra.postgres.load import Loader
from infra.postgres.statistics import mark_stale, take_marks
from infra.provenance import Provenance

_UNITS = """
INSERT INTO unit (hsa_id, version, removed, fact_at, name, kind, care_giver, first_day, last_day, replaced_by, revision,
    fact_partition, fact_offset)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (hsa_id) DO UPDATE
SET (version, removed, fact_at, name, kind, care_giver, first_day, last_day, replaced_by, revision, fact_partition,
     fact_offset)
= ROW(excluded.version, excluded.removed, excluded.fact_at, excluded.name, excluded.kind, excluded.care_giver,
      excluded.first_day, excluded.last_day, excluded.replaced_by, excluded.revision, excluded.fact_partition,
      excluded.fact_offset)
"""
_UNITS_REVISION = "UPDATE day SET units_revision = units_revision + 1 RETURNING units_revision"
_DOCTORS = """
INSERT INTO doctor (hsa_id, version, removed, protected, fact_at, vgr_id, name, licensed, employments, next_due,
    last_revision, fact_partition, fact_offset)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::bool[], $4::bool[], $5::timestamptz[], $6::text[], $7::text[],
                     $8::bool[], $9::json[], $10::date[], $11::bigint[], $12::int[], $13::bigint[])
ON CONFLICT (hsa_id) DO UPDATE
SET (version, removed, protected, fact_at, vgr_id, name, licensed, employments, next_due, last_revision, fact_partition,
     fact_offset)
= ROW(excluded.version, excluded.removed, excluded.protected, excluded.fact_at, excluded.vgr_id, excluded.name,
      excluded.licensed, excluded.employments, excluded.next_due, excluded.last_revision, excluded.fact_partition,
      excluded.fact_offset)
WHERE doctor.hsa_id <> ALL($14::text[])
"""
_REMOVE_ENTRIES = """
DELETE FROM roster WHERE (unit, doctor) IN (SELECT * FROM unnest($1::text[], $2::text[]))
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


async def save(pg: asyncpg.Connection, world: World, loader: Loader, provenance: Provenance | None = None) -> None:
    """Everything the world's verbs changed, in the transaction in which `loader` loaded it. Offsets and the outbox are
    others'. Raises ConcurrentInsert where another transaction was first with a row."""
    await _units(pg, world)
    doctors = [world.doctors[i] for i in sorted(world.changes.doctors)]
    await _doctors(pg, doctors, world.today, loader.unknown_doctors)
    await _remove_entries(pg, world.changes.removed_entries)
    await _roster(pg, [world.roster[pair] for pair in sorted(world.changes.entries)], world.today)
    await patients.save(pg, world)
    await _imports(pg, world, loader.unknown_imports)
    await audit.write(pg, world.changes.records, provenance)
    await mark_stale(pg, {p: at for p, at in world.changes.stale_statistics.items() if not _forgotten(world, p)})


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
                *(u.start, u.end, u.replaced_by, revision, *(u.place or (None, None))),
            )
            for u in units
        ],
    )


async def _doctors(pg: asyncpg.Connection, doctors: list[Doctor], today: date, unknown: set[str]) -> None:
    if not doctors:
        return
    await insert(
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
        [d.last_revision for d in doctors],
        *rows.place_columns(doctors),
        [d.hsa_id for d in doctors if d.hsa_id in unknown],
    )


async def _remove_entries(pg: asyncpg.Connection, pairs: set[Pair]) -> None:
    """Of a protected doctor it is not even kept at which units they were, nor that figures of theirs changed (S7)."""
    if pairs:
        units, doctors = [pair.unit for pair in pairs], [pair.doctor for pair in pairs]
        await pg.execute(_REMOVE_ENTRIES, units, doctors)
        await take_marks(pg, pairs)


def _forgotten(world: World, pair: Pair) -> bool:
    return pair in world.changes.removed_entries and pair not in world.roster


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


def _next(days: list[date], today: date) -> date | None:
    return min((day for day in days if day > today), default=None)


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
        count_inserted(done, 1, "an import")
        if waiting.answered_by is not None:
            await pg.execute(_REMOVE_PARTS, *key)
        for part in waiting.parts.values():
            if part.rows is not None:
                cause, packed = cause_json(part.cause), rows.pack_rows(part.rows)
                await pg.execute(_PART, *key, part.part, part.parts, part.order, part.unit, cause, packed)
