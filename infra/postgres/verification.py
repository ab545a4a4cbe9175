"""What `fastlakare verify` reads of the database: all of it in one snapshot, none of it locked (V4)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from handlers.world import Patient, Policy, World
from infra import timing
from infra.postgres import rows
from infra.postgres.day import Day, read_day
from infra.postgres.installation import read_id
from infra.postgres.outbox import OutputPartition, shards

#: rows that one answer of the server brings
_ROWS = 2_000

_INPUTS = "SELECT topic, partition, next_offset FROM consumer_offset WHERE next_offset IS NOT NULL ORDER BY 1, 2"
_TOLD = """
SELECT patient.key, patient.revision, patient.announced, link.unit, unit.name, link.doctor, doctor.name, link.start_day
FROM patient LEFT JOIN link ON link.patient_id = patient.id
LEFT JOIN unit ON unit.hsa_id = link.unit LEFT JOIN doctor ON doctor.hsa_id = link.doctor
WHERE (patient.revision > 0 OR link.unit IS NOT NULL) AND ($1::int IS NULL OR patient.partition = $1)
"""
_COUNT_PATIENTS = "SELECT count(*) FROM patient"
_FORGOTTEN = "SELECT key, revision FROM forgotten WHERE revision > 0"
_ROSTER = "SELECT unit, doctor, published, statistics, revision FROM roster"
_REPLIES = """
SELECT name, sha256(coalesce(value, '')), headers FROM command WHERE headers IS NOT NULL AND partition = $1
"""
_ANSWERED = """
SELECT sha256(convert_to(length(source) || '/' || source || '/' || message_id, 'UTF8')), max(written_at) FROM audit
WHERE written_at > $1 AND revision IS NULL AND run IS NULL AND topic = 'listning.command.v1' GROUP BY 1
"""
_UNITS = """
SELECT hsa_id, version, removed, fact_at, name, kind, care_giver, last_day, replaced_by, first_day, fact_partition,
    fact_offset
FROM unit
"""
_DOCTORS = """
SELECT hsa_id, version, removed, protected, fact_at, vgr_id, name, licensed, employments, last_revision, fact_partition,
    fact_offset
FROM doctor
"""
_ENTRIES = """
SELECT unit, doctor, activated, active, pause_start, pause_end, profile, published, revision FROM roster
"""
_LINKED = """
SELECT id, key, partition, sequence, revision, announced, current_unit, current_from, upcoming_unit, upcoming_from,
       care_burden, next_due, fact_partition, fact_offset, patient_id, unit, doctor, start_day
FROM link JOIN patient ON id = patient_id
"""
_LINKS_OF_NOBODY = "SELECT count(*) FROM link WHERE NOT EXISTS (SELECT FROM patient WHERE id = patient_id)"
_WITH_CEILING = "SELECT count(*) FROM roster WHERE profile->>'patient_ceiling' IS NOT NULL"
_OVER_CEILING = """
SELECT unit, doctor, (profile->>'patient_ceiling')::bigint, count(*) FROM roster JOIN link USING (unit, doctor)
WHERE profile->>'patient_ceiling' IS NOT NULL
GROUP BY unit, doctor, 3 HAVING count(*) > (profile->>'patient_ceiling')::bigint
"""
# In the order in which they were made; whoever has no row in the trail comes last.
_LINKS_MADE = """
SELECT coalesce(patient.key, ''), made.id, made.what, coalesce(made.override, false)
FROM link LEFT JOIN patient ON patient.id = link.patient_id LEFT JOIN LATERAL (
    SELECT id, what, override FROM audit
    WHERE audit.patient_id = link.patient_id AND audit.unit = link.unit AND audit.doctor = link.doctor
      AND what IN ('assigned', 'replaced', 'rekeyed')
    ORDER BY id DESC LIMIT 1) AS made ON true
WHERE link.unit = $1 AND link.doctor = $2 ORDER BY made.id NULLS LAST, 1 OFFSET $3
"""
_CEILING_CHANGED = """
SELECT max(id) FROM audit WHERE unit = $1 AND doctor = $2 AND patient_id IS NULL
  AND ((what IN ('update-doctor-profile', 'activate-doctor') AND reason = 'done') OR rule = 'S9')
"""
_COUNT_FORGOTTEN = """
SELECT (SELECT count(*) FROM forgotten) + (SELECT count(*) FROM doctor WHERE protected)
"""
_HELD_PATIENTS = "SELECT key FROM forgotten JOIN patient USING (key)"
_HELD_DOCTORS = """
SELECT hsa_id FROM doctor WHERE protected
  AND (name IS NOT NULL OR vgr_id IS NOT NULL OR licensed OR employments::text <> '[]'
       OR EXISTS (SELECT FROM roster WHERE doctor = hsa_id) OR EXISTS (SELECT FROM link WHERE doctor = hsa_id))
"""
_COUNT_REVISIONS = "SELECT coalesce(sum(revision), 0)::bigint FROM patient"
_UNAUDITED = """
SELECT patient.key, patient.revision, count(DISTINCT audit.revision) FILTER (WHERE audit.revision <= patient.revision),
       max(audit.revision)
FROM patient LEFT JOIN audit ON audit.patient_id = patient.id AND audit.revision IS NOT NULL
GROUP BY patient.id
HAVING count(DISTINCT audit.revision) <> patient.revision OR max(audit.revision) > patient.revision
"""

#: a link as 1177 knows it: unit, its name, doctor, their name, start
LinkTold = tuple[str, str | None, str, str | None, str]


class Held(NamedTuple):
    """What the database says that 1177 must know of a key: the last revision, `active`, `ended` or `withdrawn`, and the
    link where there is one."""

    revision: int
    status: str
    link: LinkTold | None


class HeldPair(NamedTuple):
    """What the doctor topic must say of a pair; `published` without figures, None where the pair is gone."""

    published: Any
    statistics: list[float] | None
    revision: int


class OverCeiling(NamedTuple):
    """A doctor at a unit with more patients than the ceiling."""

    unit: str
    doctor: str
    ceiling: int
    patients: int


@dataclass(frozen=True)
class Snapshot:
    """What the snapshot stands for: of every output partition the last sequence, of every input partition the next
    offset."""

    installation: UUID
    day: Day
    outputs: list[OutputPartition]
    inputs: dict[tuple[str, int], int]


@asynccontextmanager
async def snapshot(pg: asyncpg.Connection) -> AsyncIterator[Snapshot]:
    """One for the length of the block, in which nothing can be written. It may rest between two statements, while
    topics are read, for `timing.VERIFY_REST_SECONDS`."""
    async with pg.transaction(isolation="repeatable_read", readonly=True):
        rest = timing.ms(timing.VERIFY_REST_SECONDS)
        await pg.execute(f"SET LOCAL idle_in_transaction_session_timeout = {rest}")
        inputs = {(topic, partition): offset for topic, partition, offset in await pg.fetch(_INPUTS)}
        yield Snapshot(await read_id(pg), await read_day(pg), await shards(pg), inputs)


async def told(pg: asyncpg.Connection, partition: int | None = None) -> AsyncIterator[tuple[str, Held]]:
    """By patient key what 1177 must know of patients who are held; of one partition of its topic, or of all."""
    async for key, revision, announced, *link in pg.cursor(_TOLD, partition, prefetch=_ROWS):
        unit, unit_name, doctor, doctor_name, start = link
        if unit is not None:
            yield key, Held(revision, "active", (unit, unit_name, doctor, doctor_name, str(start)))
        else:
            yield key, Held(revision, "ended" if announced else "withdrawn", None)


async def forgotten(pg: asyncpg.Connection) -> dict[str, Held]:
    """The same of those who are forgotten (L7, L9)."""
    return {key: Held(revision, "withdrawn", None) for key, revision in await pg.fetch(_FORGOTTEN)}


async def told_in_all(pg: asyncpg.Connection) -> tuple[dict[str, Held], int]:
    """What 1177 must know of everybody, and how many patients are held; in one snapshot."""
    async with pg.transaction(isolation="repeatable_read", readonly=True):
        held = {key: one async for key, one in told(pg)} | await forgotten(pg)
        return held, int(await pg.fetchval(_COUNT_PATIENTS))


async def pairs(pg: asyncpg.Connection) -> dict[str, HeldPair]:
    """What the doctor topic must say, by its key; pairs that it was never told of are left out."""
    found = {}
    async for unit, doctor, *pair in pg.cursor(_ROSTER, prefetch=_ROWS):
        held = HeldPair(*pair)
        if held.revision:
            found[f"{unit}/{doctor}"] = held
    return found


async def replies(pg: asyncpg.Connection, partition: int) -> AsyncIterator[tuple[bytes, bytes, bytes]]:
    """Of every answered command its hashed name, the SHA-256 of its reply's value, and its packed headers; of one
    partition of the reply topic."""
    async for name, digest, headers in pg.cursor(_REPLIES, partition, prefetch=_ROWS):
        yield name, digest, headers


async def answered_since(pg: asyncpg.Connection, since: datetime) -> dict[bytes, datetime]:
    """By hashed name when each command was answered, of those that left a row in the audit trail since then."""
    return dict(await pg.fetch(_ANSWERED, since))


async def world(pg: asyncpg.Connection, day: Day, policy: Policy) -> World:
    """Units, doctors and roster as decisions see them, without patients. Nothing of it may be saved."""
    units = {row[0]: rows.unit(row) for row in await pg.fetch(_UNITS)}
    made = World(day.day or date.min, day.cause, policy, units)
    async for row in pg.cursor(_DOCTORS, prefetch=_ROWS):
        made.add_doctor(rows.doctor(row))
    async for row in pg.cursor(_ENTRIES, prefetch=_ROWS):
        made.add_entry(rows.entry(row))
    return made


async def linked_patients(pg: asyncpg.Connection) -> AsyncIterator[Patient]:
    """Every patient who has a link."""
    async for row in pg.cursor(_LINKED, prefetch=_ROWS):
        yield rows.patient(row[:14], row[14:])


async def count_links_of_nobody(pg: asyncpg.Connection) -> int:
    """Links of patients who are not held."""
    return int(await pg.fetchval(_LINKS_OF_NOBODY))


async def count_ceilings(pg: asyncpg.Connection) -> int:
    """Doctors at units with a ceiling."""
    return int(await pg.fetchval(_WITH_CEILING))


async def over_ceiling(pg: asyncpg.Connection) -> list[OverCeiling]:
    """Those with more patients than that."""
    return [OverCeiling(*row) for row in await pg.fetch(_OVER_CEILING)]


async def unexplained_above(pg: asyncpg.Connection, over: OverCeiling) -> list[str]:
    """The keys of patients linked above the ceiling though nothing explains it: no override (C7), no replacement of
    unit or change of id (S9, L9), no change of the profile afterwards (C6)."""
    changed = await pg.fetchval(_CEILING_CHANGED, over.unit, over.doctor) or 0
    made = await pg.fetch(_LINKS_MADE, over.unit, over.doctor, over.ceiling)
    return [
        key for key, id, what, override in made if id is None or not (override or what == "rekeyed" or id < changed)
    ]


async def count_forgotten(pg: asyncpg.Connection) -> int:
    """Patients who are forgotten, and protected doctors."""
    return int(await pg.fetchval(_COUNT_FORGOTTEN))


async def held_though_forgotten(pg: asyncpg.Connection) -> list[str]:
    """Keys of patients who are forgotten and of whom more is held (L7, L9)."""
    return [row[0] for row in await pg.fetch(_HELD_PATIENTS)]


async def held_though_protected(pg: asyncpg.Connection) -> list[str]:
    """Doctors who are protected and of whom more is held than the mark (S7)."""
    return [row[0] for row in await pg.fetch(_HELD_DOCTORS)]


async def count_revisions(pg: asyncpg.Connection) -> int:
    """How many revisions the patients who are held have had."""
    return int(await pg.fetchval(_COUNT_REVISIONS))


async def unaudited(pg: asyncpg.Connection) -> AsyncIterator[tuple[str, int, int, int | None]]:
    """Patients of whom the audit trail lacks a revision, or has one too many: key, revision, how many of them it has,
    the highest that it has."""
    async for row in pg.cursor(_UNAUDITED, prefetch=_ROWS):
        yield tuple(row)
