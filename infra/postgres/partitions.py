"""Input partitions as an operator sees them, and has one go on where its log no longer holds what was to be read."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import asyncpg

from infra.postgres.offsets import LastRecord, lock_owner


class StoredPosition(NamedTuple):
    """Where a partition stands: offsets below `next_offset` are handled, None = it begins at the earliest there is;
    `last` is the record handled last, where one is remembered."""

    epoch: int
    next_offset: int | None
    last: LastRecord | None


_READ = """
SELECT topic, partition, epoch, next_offset,
       CASE WHEN last_offset < next_offset THEN last_offset END AS last_offset, last_digest
FROM consumer_offset
"""
_GUARDS = """
SELECT topic, one, release, why FROM release_guard, unnest(partitions) AS one
WHERE stopped_at IS NOT NULL ORDER BY stopped_at, release
"""
_GO_ON = """
UPDATE consumer_offset SET next_offset = $5, last_offset = NULL, last_digest = NULL, epoch = epoch + 1
WHERE topic = $1 AND partition = $2 AND epoch = $3 AND next_offset = $4
"""
_FORGET_MARKS = (
    "DELETE FROM processed_ahead WHERE topic = $1 AND partition = $2 AND ($3::bigint IS NULL OR record_offset < $3)"
)


async def positions(pg: asyncpg.Connection) -> dict[tuple[str, int], StoredPosition]:
    """Of every partition that was ever read, by the topic's name in the contract."""
    return {
        (topic, partition): StoredPosition(
            epoch, next_offset, None if last_offset is None else LastRecord(last_offset, digest)
        )
        for topic, partition, epoch, next_offset, last_offset, digest in await pg.fetch(_READ)
    }


async def guarded(pg: asyncpg.Connection) -> dict[tuple[str, int], dict[str, str]]:
    """The partitions that releases must not go on with: by release, why."""
    found: dict[tuple[str, int], dict[str, str]] = defaultdict(dict)
    for topic, partition, release, why in await pg.fetch(_GUARDS):
        found[topic, partition][release] = why
    return found


async def go_on(pg: asyncpg.Connection, topic: str, partition: int, seen: StoredPosition, to: int | None) -> bool:
    """Has the partition go on at the offset `to`, or (None) at the earliest there is when it is next taken over, inside
    the caller's transaction. The epoch rises, so no process that only sleeps can save anything of what it had.

    False, and nothing is changed, where the partition stands no longer as it was `seen`.
    """
    if await pg.execute(_GO_ON, topic, partition, seen.epoch, seen.next_offset, to) != "UPDATE 1":
        return False
    # Whoever had it may be processing commands out of order, which does not wait for the row of the offset.
    await lock_owner(pg, topic, [partition])
    await pg.execute(_FORGET_MARKS, topic, partition, to)
    return True
