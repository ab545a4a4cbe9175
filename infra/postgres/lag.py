"""What the database tells of the backlog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# One statement, so one snapshot: an event cannot be missed between the offset and the outbox it went into.
_BACKLOG = text("""
    SELECT day,
           in_progress,
           (SELECT coalesce(sum(last_seq - published_seq), 0) FROM outbox_shard) AS outbox,
           (SELECT count(*) FROM (SELECT DISTINCT unit, doctor FROM stale_statistics) AS stale) AS stale_doctors,
           (SELECT json_agg(json_build_array(topic, partition, next_offset)) FROM consumer_offset
            WHERE next_offset IS NOT NULL)::text AS offsets
    FROM day
""")


@dataclass(frozen=True)
class Backlog:
    """The day and whether it is in progress; events in the outbox, doctors whose figures are stale, and the next offset
    of each (input topic, partition)."""

    day: date | None
    in_progress: bool
    outbox: int
    stale_doctors: int
    next_offsets: Mapping[tuple[str, int], int]


async def read_backlog(connection: AsyncConnection) -> Backlog:
    """The backlog as the database knows it, in one snapshot."""
    row = (await connection.execute(_BACKLOG)).one()
    offsets = {(topic, partition): offset for topic, partition, offset in orjson.loads(row.offsets or "[]")}
    return Backlog(row.day, row.in_progress, int(row.outbox), row.stale_doctors, offsets)
