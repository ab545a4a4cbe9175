"""How far each input partition has been handled, and which process may say so: the fence (architecture.md, Saving).

A command may be processed before its turn (record 0025); it is then marked, in the transaction that does so, and the
one that reaches it passes it over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import asyncpg

from infra.errors import Fenced
from infra.postgres.locks import lock_partition_owners, share_partition_owner
from schemas.topics import LISTNING_COMMAND


class Position(NamedTuple):
    """Where a process stands in a partition it owns: offsets below `next_offset` are handled."""

    epoch: int
    next_offset: int


class LastRecord(NamedTuple):
    """The record of a partition that was handled last; the digest tells it from any other."""

    offset: int
    digest: bytes


_TAKE_OWNERSHIP = """
INSERT INTO consumer_offset AS owned (topic, partition, epoch, next_offset)
SELECT $1, partition, 1, earliest FROM unnest($2::int[], $3::bigint[]) AS new(partition, earliest) ORDER BY partition
ON CONFLICT (topic, partition) DO UPDATE
SET epoch = owned.epoch + 1, next_offset = coalesce(owned.next_offset, excluded.next_offset)
RETURNING partition, epoch, next_offset
"""
_ADVANCE = """
UPDATE consumer_offset AS owned SET next_offset = new.next_offset,
    last_offset = coalesce(new.last_offset, owned.last_offset), last_digest = coalesce(new.digest, owned.last_digest)
FROM unnest($2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bytea[])
  AS new(partition, epoch, expected, next_offset, last_offset, digest)
WHERE owned.topic = $1 AND owned.partition = new.partition
  AND owned.epoch = new.epoch AND owned.next_offset = new.expected
"""
_READ = """
SELECT partition, epoch, next_offset FROM consumer_offset
WHERE topic = $1 AND partition = ANY($2) AND next_offset IS NOT NULL
"""
_READ_ALL = "SELECT topic, partition, next_offset FROM consumer_offset WHERE next_offset IS NOT NULL"
_READ_LAST = """
SELECT partition, last_offset, last_digest FROM consumer_offset
WHERE topic = $1 AND partition = ANY($2) AND last_offset < next_offset
"""
_EPOCH = "SELECT epoch FROM consumer_offset WHERE topic = $1 AND partition = $2"
_MARK = """
INSERT INTO processed_ahead (topic, partition, record_offset) SELECT $1, $2, unnest($3::bigint[])
ON CONFLICT DO NOTHING RETURNING record_offset
"""
_TAKE_MARKS = """
DELETE FROM processed_ahead AS ahead USING unnest($2::int[], $3::bigint[]) AS new(partition, next_offset)
WHERE ahead.topic = $1 AND ahead.partition = new.partition AND record_offset < new.next_offset
RETURNING ahead.partition, record_offset
"""


async def take_ownership(pg: asyncpg.Connection, topic: str, earliest: Mapping[int, int]) -> dict[int, Position]:
    """Takes the partitions over: their epochs rise, so whoever had them can save nothing more. A partition never read,
    or begun anew by an operator, begins at its earliest offset. `topic` is the name of the contract."""
    async with pg.transaction():
        rows = await pg.fetch(_TAKE_OWNERSHIP, topic, list(earliest), list(earliest.values()))
        # Whoever had them may be processing records out of order, which does not wait for the row of the offset.
        await lock_owner(pg, topic, earliest)
    return {partition: Position(epoch, offset) for partition, epoch, offset in rows}


async def lock_owner(pg: asyncpg.Connection, topic: str, partitions: Iterable[int]) -> None:
    """Waits until nobody processes records of the partitions out of order, and lets nobody begin before the transaction
    ends. Only commands are processed out of order."""
    if topic == LISTNING_COMMAND:
        await lock_partition_owners(pg, partitions)


async def advance(
    pg: asyncpg.Connection,
    topic: str,
    positions: Mapping[int, Position],
    next_offsets: Mapping[int, int],
    last: Mapping[int, LastRecord] | None = None,
) -> None:
    """Moves the partitions on to their next offsets, inside the batch's transaction; `last` are the records handled
    last, of partitions where any were. Raises Fenced where one of them is no longer ours."""
    if not next_offsets.keys() <= positions.keys():
        raise Fenced(f"{topic}: a partition was given up")
    partitions, last = sorted(next_offsets), last or {}
    epochs = [positions[p].epoch for p in partitions]
    expected = [positions[p].next_offset for p in partitions]
    reached = [next_offsets[p] for p in partitions]
    known = [last.get(p) for p in partitions]
    offsets, digests = [r and r.offset for r in known], [r and r.digest for r in known]
    done = await pg.execute(_ADVANCE, topic, partitions, epochs, expected, reached, offsets, digests)
    if done != f"UPDATE {len(partitions)}":
        raise Fenced(f"{topic}: another process has taken over")


async def mark_processed_ahead(
    pg: asyncpg.Connection, topic: str, partition: int, position: Position, offsets: Sequence[int]
) -> set[int]:
    """Marks commands of a partition as processed before their turn, inside the transaction that does so; returns those
    that were not yet. Does not wait for a transaction that moves the partition on.

    Raises Fenced where the partition is no longer ours.
    """
    await share_partition_owner(pg, partition)
    if await pg.fetchval(_EPOCH, topic, partition) != position.epoch:
        raise Fenced(f"{topic}: another process has taken over")
    return {row[0] for row in await pg.fetch(_MARK, topic, partition, offsets)}


async def take_processed_ahead(
    pg: asyncpg.Connection, topic: str, next_offsets: Mapping[int, int]
) -> set[tuple[int, int]]:
    """Those records before the next offsets that were processed before their turn, as (partition, offset); their marks
    go.

    To be called after `advance`, in the same transaction.
    """
    rows = await pg.fetch(_TAKE_MARKS, topic, list(next_offsets), list(next_offsets.values()))
    return {(partition, offset) for partition, offset in rows}


async def read_positions(pg: asyncpg.Connection, topic: str, partitions: list[int]) -> dict[int, Position]:
    """Where the partitions stand in the database, and under which epoch."""
    return {partition: Position(epoch, offset) for partition, epoch, offset in await pg.fetch(_READ, topic, partitions)}


async def read_all(pg: asyncpg.Connection) -> dict[tuple[str, int], int]:
    """The next offset of every partition that was ever read, by the topic's name in the contract."""
    return {(topic, partition): offset for topic, partition, offset in await pg.fetch(_READ_ALL)}


async def read_last_records(pg: asyncpg.Connection, topic: str, partitions: list[int]) -> dict[int, LastRecord]:
    """The records handled last, of partitions where any were."""
    rows = await pg.fetch(_READ_LAST, topic, partitions)
    return {partition: LastRecord(offset, digest) for partition, offset, digest in rows}
