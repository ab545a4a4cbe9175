"""Plans: what a preview decided on each record, kept so that exactly that can be carried out later (R7).

Only decisions that change something have a row; a record without one was to change nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import asyncpg

from handlers.world.changes import Place

_SAVE = """
INSERT INTO run_decision (run, partition, record_offset, decision)
SELECT $1, * FROM unnest($2::int[], $3::bigint[], $4::bytea[])
"""
_READ = """
SELECT partition, record_offset, decision FROM run_decision
WHERE run = $1 AND (partition, record_offset) IN (SELECT * FROM unnest($2::int[], $3::bigint[]))
"""
_DIFFER = """
INSERT INTO run_decision (run, partition, record_offset, differs)
SELECT $1, partition, record_offset, true FROM unnest($2::int[], $3::bigint[]) AS new(partition, record_offset)
ON CONFLICT (run, partition, record_offset) DO UPDATE SET differs = true
"""
_DIFFERING = """
SELECT partition, record_offset FROM run_decision WHERE run = $1 AND differs
ORDER BY partition, record_offset LIMIT $2
"""


async def save(pg: asyncpg.Connection, run: str, decisions: Mapping[Place, bytes]) -> None:
    """Keeps what was decided."""
    await pg.execute(_SAVE, run, *_columns(decisions), list(decisions.values()))


async def read(pg: asyncpg.Connection, run: str, places: Iterable[Place]) -> dict[Place, bytes]:
    """What was decided on these records; those that were to change nothing are left out."""
    return {Place(p, offset): decision for p, offset, decision in await pg.fetch(_READ, run, *_columns(places))}


async def mark_differing(pg: asyncpg.Connection, run: str, places: Iterable[Place]) -> None:
    """On these records something else would be decided by now; they are left alone."""
    await pg.execute(_DIFFER, run, *_columns(places))


async def read_differing(pg: asyncpg.Connection, run: str, limit: int) -> list[Place]:
    """The first of the records that were left alone."""
    return [Place(*row) for row in await pg.fetch(_DIFFERING, run, limit)]


def _columns(places: Iterable[Place]) -> tuple[list[int], list[int]]:
    listed = list(places)
    return [place.partition for place in listed], [place.offset for place in listed]
