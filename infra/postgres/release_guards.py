"""The guard of a topic against a bad release: how many records the release failed on there, and which partitions it
stopped for that. It outlasts restarts, and lasts until another release runs or an operator lifts it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg


class ReleaseGuard(NamedTuple):
    """A release that was stopped on partitions of a topic (the contract's name), after it had failed on so many
    records; `why` names the last failure and holds no data."""

    topic: str
    release: str
    records: int
    partitions: Sequence[int]
    why: str
    stopped_at: datetime


# One row for the topic and the release, whatever failed: whoever counts waits for whoever counted before.
_COUNT = """
INSERT INTO release_guard AS guard (topic, release, records) VALUES ($1, $2, 1)
ON CONFLICT (topic, release) DO UPDATE SET records = guard.records + 1
RETURNING records
"""
_STOP = """
INSERT INTO release_guard AS guard (topic, release, partitions, why, stopped_at)
VALUES ($1, $2, ARRAY[$3::int], $4, now())
ON CONFLICT (topic, release) DO UPDATE
SET (partitions, why, stopped_at) = ROW(
    ARRAY(SELECT DISTINCT one FROM unnest(guard.partitions || excluded.partitions) AS one ORDER BY one),
    excluded.why, coalesce(guard.stopped_at, excluded.stopped_at))
"""
_STOPPED = """
SELECT one, why FROM release_guard, unnest(partitions) AS one
WHERE topic = $1 AND release = $2 AND one = ANY($3::int[])
"""
_COLUMNS = "topic, release, records, partitions, why, stopped_at"
_LIST = f"""
SELECT {_COLUMNS} FROM release_guard WHERE stopped_at IS NOT NULL AND ($1::text IS NULL OR topic = $1)
ORDER BY stopped_at, topic, release
"""
_LIFT = """
DELETE FROM release_guard USING unnest($1::text[], $2::text[]) AS lifted(topic, release)
WHERE release_guard.topic = lifted.topic AND release_guard.release = lifted.release
"""


async def count_failure(pg: asyncpg.Connection, topic: str, release: str) -> int:
    """Counts one more, in the transaction that dead-letters it; returns how many it is of the topic and release."""
    records: int = await pg.fetchval(_COUNT, topic, release)
    return records


async def stop(pg: asyncpg.Connection, topic: str, release: str, partition: int, why: str) -> None:
    """Remembers that the release stopped on a partition, in a transaction of its own: the one in which it failed is
    rolled back."""
    await pg.execute(_STOP, topic, release, partition, why)


async def stopped(pg: asyncpg.Connection, topic: str, release: str, partitions: Sequence[int]) -> dict[int, str]:
    """Those of the partitions on which the release must not go on, and why."""
    return dict(await pg.fetch(_STOPPED, topic, release, list(partitions)))


async def guards(pg: asyncpg.Connection, topic: str | None = None) -> list[ReleaseGuard]:
    """Every release that is stopped, on that topic or on any, the longest first."""
    return [ReleaseGuard(*row) for row in await pg.fetch(_LIST, topic)]


async def lift(pg: asyncpg.Connection, lifted: Sequence[ReleaseGuard]) -> None:
    """Lets the releases go on; their counts begin anew."""
    await pg.execute(_LIFT, [one.topic for one in lifted], [one.release for one in lifted])
