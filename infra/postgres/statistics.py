"""The figures of doctors: which are stale, what they are now, and which were published last (listning.doctor.v1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
import orjson

from handlers.world.changes import Pair
from handlers.world.statistics import Statistics

_CURRENT = """
SELECT link.unit, link.doctor, count(*), coalesce(sum(care_burden::numeric), 0)::float8
FROM link JOIN patient ON patient.id = link.patient_id
WHERE (link.unit, link.doctor) IN (SELECT * FROM unnest($1::text[], $2::text[]))
GROUP BY link.unit, link.doctor
"""
_REMEMBER = """
UPDATE roster SET statistics = new.statistics FROM unnest($1::text[], $2::text[], $3::json[]) AS new(unit, doctor,
statistics) WHERE roster.unit = new.unit AND roster.doctor = new.doctor"""
_STALE = "SELECT DISTINCT unit, doctor FROM stale_statistics LIMIT $1"
_LOCK_DOCTORS = "SELECT hsa_id FROM doctor WHERE hsa_id = ANY($1) ORDER BY hsa_id FOR UPDATE"
_TAKE_MARKS = """
WITH taken AS (
    DELETE FROM stale_statistics
    WHERE (unit, doctor) IN (SELECT * FROM unnest($1::text[], $2::text[]))
    RETURNING unit, doctor, since
)
SELECT unit, doctor, max(since) FROM taken GROUP BY 1, 2
"""
_PUBLISHED = """
SELECT unit, doctor, published, statistics FROM roster
WHERE published IS NOT NULL AND (unit, doctor) IN (SELECT * FROM unnest($1::text[], $2::text[]))
"""
_NEXT_REVISION = """
UPDATE roster SET revision = revision + 1
WHERE (unit, doctor) IN (SELECT * FROM unnest($1::text[], $2::text[])) RETURNING unit, doctor, revision
"""


class PublishedDoctor(NamedTuple):
    """What the doctor topic said last of a pair: the payload without figures, and the figures as `[count, burden]`."""

    payload: Any
    statistics: list[float] | None


async def mark_stale(pg: asyncpg.Connection, pairs: Mapping[Pair, datetime]) -> None:
    """Marks the pairs' figures as stale since then: no counter is kept hot (architecture.md, Statistics of doctors)."""
    if pairs:
        records = [(pair.unit, pair.doctor, at) for pair, at in pairs.items()]
        await pg.copy_records_to_table("stale_statistics", records=records)


async def take_stale(pg: asyncpg.Connection, limit: int) -> dict[Pair, datetime]:
    """Takes at most `limit` pairs' marks away, and says since when each is stale; empty when there are none.

    The doctors stay locked until the transaction ends, which keeps the order of what is published of a pair; marks made
    from here on are left for the next call.
    """
    pairs = [Pair(*row) for row in await pg.fetch(_STALE, limit)]
    if not pairs:
        return {}
    await pg.execute(_LOCK_DOCTORS, [pair.doctor for pair in pairs])
    return await take_marks(pg, pairs)


async def take_marks(pg: asyncpg.Connection, pairs: Iterable[Pair]) -> dict[Pair, datetime]:
    """Takes these pairs' marks away, whose doctors are locked, and says since when each is stale."""
    return {Pair(unit, doctor): at for unit, doctor, at in await pg.fetch(_TAKE_MARKS, *_columns(pairs))}


async def current_statistics(pg: asyncpg.Connection, pairs: Iterable[Pair]) -> dict[Pair, Statistics]:
    """Patients and care burden of every pair asked for, as the tables have them now."""
    found = {pair: Statistics(0, 0.0) for pair in pairs}
    for unit, doctor, number, burden in await pg.fetch(_CURRENT, *_columns(found)):
        found[Pair(unit, doctor)] = Statistics(number, burden)
    return found


async def published_doctors(pg: asyncpg.Connection, pairs: Iterable[Pair]) -> dict[Pair, PublishedDoctor]:
    """What was published last of those of the pairs that the doctor topic knows."""
    rows = await pg.fetch(_PUBLISHED, *_columns(pairs))
    return {Pair(unit, doctor): PublishedDoctor(*published) for unit, doctor, *published in rows}


async def remember_statistics(pg: asyncpg.Connection, statistics: Mapping[Pair, Statistics]) -> None:
    """Remembers the figures as published, so that the same are not published again."""
    packed = [orjson.dumps(list(published)).decode() for published in statistics.values()]
    await pg.execute(_REMEMBER, *_columns(statistics), packed)


async def next_revisions(pg: asyncpg.Connection, pairs: Iterable[Pair]) -> dict[Pair, int]:
    """Raises the revision of each pair by one, and returns it."""
    rows = await pg.fetch(_NEXT_REVISION, *_columns(pairs))
    return {Pair(unit, doctor): revision for unit, doctor, revision in rows}


def _columns(pairs: Iterable[Pair]) -> tuple[Sequence[str], Sequence[str]]:
    pairs = list(pairs)
    return [pair.unit for pair in pairs], [pair.doctor for pair in pairs]
