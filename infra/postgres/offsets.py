"""How far each input partition has been handled, and which process may say so: the fence (architecture.md, Saving).

A record may be handled before its turn (record 0025); it is then marked, in the transaction that handles it, and the
one that reaches it passes it over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import asyncpg


class Position(NamedTuple):
    """Where a process stands in a partition it owns: offsets below `next_offset` are handled."""

    epoch: int
    next_offset: int


class Fenced(Exception):
    """Another process owns one of the partitions by now; what was decided for them must not be saved."""


_CLAIM = """
INSERT INTO consumer_offset AS held (topic, partition, epoch, next_offset)
SELECT $1, partition, 1, earliest FROM unnest($2::int[], $3::bigint[]) AS new(partition, earliest) ORDER BY partition
ON CONFLICT (topic, partition) DO UPDATE SET epoch = held.epoch + 1
RETURNING partition, epoch, next_offset
"""
_ADVANCE = """
UPDATE consumer_offset AS held SET next_offset = new.next_offset
FROM unnest($2::int[], $3::bigint[], $4::bigint[], $5::bigint[]) AS new(partition, epoch, expected, next_offset)
WHERE held.topic = $1 AND held.partition = new.partition
  AND held.epoch = new.epoch AND held.next_offset = new.expected
"""
_OWNER = "SELECT pg_advisory_xact_lock(hashtext('ahead in ' || $1), partition) FROM unnest($2::int[]) AS partition"
_AHEAD = "SELECT pg_advisory_xact_lock_shared(hashtext('ahead in ' || $1), $2)"
_EPOCH = "SELECT epoch FROM consumer_offset WHERE topic = $1 AND partition = $2"
_MARK = """
INSERT INTO handled_ahead (topic, partition, record_offset) SELECT $1, $2, unnest($3::bigint[])
ON CONFLICT DO NOTHING RETURNING record_offset
"""
_PASSED = """
DELETE FROM handled_ahead AS ahead USING unnest($2::int[], $3::bigint[]) AS new(partition, next_offset)
WHERE ahead.topic = $1 AND ahead.partition = new.partition AND record_offset < new.next_offset
RETURNING ahead.partition, record_offset
"""


async def claim(connection: asyncpg.Connection, topic: str, earliest: Mapping[int, int]) -> dict[int, Position]:
    """Takes the partitions over: their epochs rise, so whoever had them can save nothing more. A partition never read
    begins at its earliest offset. `topic` is the name of the contract."""
    async with connection.transaction():
        rows = await connection.fetch(_CLAIM, topic, list(earliest), list(earliest.values()))
        # whoever had them may be handling records ahead, which does not wait for the row of the offset
        await alone(connection, topic, earliest)
    return {partition: Position(epoch, offset) for partition, epoch, offset in rows}


async def alone(connection: asyncpg.Connection, topic: str, partitions: Iterable[int]) -> None:
    """Waits until nobody handles records of the partitions ahead, and lets nobody begin before the transaction ends."""
    await connection.execute(_OWNER, topic, sorted(partitions))


async def advance(
    connection: asyncpg.Connection, topic: str, held: Mapping[int, Position], to: Mapping[int, int]
) -> None:
    """Moves the partitions in `to` on, inside the batch's transaction. Raises Fenced where one is no longer ours."""
    partitions = sorted(to)
    epochs = [held[p].epoch for p in partitions]
    expected = [held[p].next_offset for p in partitions]
    done = await connection.execute(_ADVANCE, topic, partitions, epochs, expected, [to[p] for p in partitions])
    if done != f"UPDATE {len(partitions)}":
        raise Fenced(f"{topic}: another process has taken over")


async def ahead(
    connection: asyncpg.Connection, topic: str, partition: int, held: Position, offsets: Sequence[int]
) -> set[int]:
    """Marks records of a partition as handled before their turn, inside the transaction that handles them; returns
    those that were not yet. Does not wait for a transaction that moves the partition on.

    Raises Fenced where the partition is no longer ours.
    """
    await connection.execute(_AHEAD, topic, partition)
    if await connection.fetchval(_EPOCH, topic, partition) != held.epoch:
        raise Fenced(f"{topic}: another process has taken over")
    return {row[0] for row in await connection.fetch(_MARK, topic, partition, offsets)}


async def passed(connection: asyncpg.Connection, topic: str, to: Mapping[int, int]) -> set[tuple[int, int]]:
    """Those records before `to` that were handled before their turn, as (partition, offset); their marks go.

    To be called after `advance`, in the same transaction.
    """
    rows = await connection.fetch(_PASSED, topic, list(to), list(to.values()))
    return {(partition, offset) for partition, offset in rows}


async def standing(connection: asyncpg.Connection, topic: str, partitions: list[int]) -> dict[int, Position]:
    """Where the partitions stand in the database, and under which epoch."""
    query = "SELECT partition, epoch, next_offset FROM consumer_offset WHERE topic = $1 AND partition = ANY($2)"
    rows = await connection.fetch(query, topic, partitions)
    return {partition: Position(epoch, offset) for partition, epoch, offset in rows}
