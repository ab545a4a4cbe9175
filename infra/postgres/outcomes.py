"""Records that were read and changed nothing, because they were stale, refused or skipped: which they were, so that an
operator can choose them later. Those that died stand in `dead_letter`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from handlers.world.changes import Place

_NOTE = """
INSERT INTO record_outcome (topic, partition, record_offset, outcome)
SELECT $1, * FROM unnest($2::int[], $3::bigint[], $4::text[]) ON CONFLICT DO NOTHING
"""
_OF = """
SELECT partition, record_offset FROM record_outcome
WHERE topic = $1 AND outcome = ANY($4) AND (partition, record_offset) IN (SELECT * FROM unnest($2::int[], $3::bigint[]))
UNION ALL
SELECT partition, record_offset FROM dead_letter
WHERE topic = $1 AND 'dead' = ANY($4) AND (partition, record_offset) IN (SELECT * FROM unnest($2::int[], $3::bigint[]))
"""
_EXPIRE = """
DELETE FROM record_outcome WHERE (topic, partition, record_offset) IN (
    SELECT topic, partition, record_offset FROM record_outcome WHERE noted_at < $1 LIMIT $2)
"""


async def note(pg: asyncpg.Connection, topic: str, outcomes: Sequence[tuple[Place, str]]) -> None:
    """How the reading of these records ended, in the transaction that reads them; the first time counts."""
    places = [place for place, _ in outcomes]
    words = [outcome for _, outcome in outcomes]
    await pg.execute(_NOTE, topic, [place.partition for place in places], [place.offset for place in places], words)


async def ended_so(pg: asyncpg.Connection, topic: str, places: Sequence[Place], outcomes: Sequence[str]) -> set[Place]:
    """Those of the records whose first reading ended in one of these ways (`dead` among them)."""
    partitions, offsets = [place.partition for place in places], [place.offset for place in places]
    return {Place(*row) for row in await pg.fetch(_OF, topic, partitions, offsets, list(outcomes))}


async def expire(pg: asyncpg.Connection, before: datetime, limit: int) -> int:
    """Deletes at most so many that were noted before; returns how many."""
    done: str = await pg.execute(_EXPIRE, before, limit)
    return int(done.removeprefix("DELETE "))
