"""The outbox: events written with the state they tell of, each with a gap-free sequence in its shard (P3, P4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import asyncpg
import orjson

from infra.errors import EventTooLarge
from infra.failpoints import hit
from infra.outbox_event import Headers, OutboxEvent
from schemas.topics import TOPICS, record_bytes

#: the largest record that each topic takes by the contract
MAX_RECORD_BYTES: Mapping[str, int] = {topic.name: topic.max_record_bytes for topic in TOPICS}


class Event(NamedTuple):
    """An event to publish; `topic` is the name of the contract."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers


def compact_json(value: Any) -> bytes:
    """JSON that is kept by the ten thousands, in no more memory than it needs: orjson 3.13 hands out at least 4 KiB for
    any text."""
    return bytes(memoryview(orjson.dumps(value)))


def pack(headers: Sequence[tuple[str, bytes | None]]) -> bytes:
    """The column `headers`: JSON `[[name, value in latin-1 or null], ...]`, which holds any bytes."""
    return compact_json([(name, None if value is None else value.decode("latin-1")) for name, value in headers])


def unpack(packed: bytes) -> Headers:
    """What `pack` was given."""
    return [(name, None if value is None else value.encode("latin-1")) for name, value in orjson.loads(packed)]


class OutputPartition(NamedTuple):
    """A row of outbox_shard; `topic` is the name of the contract, without prefix."""

    number: int
    topic: str
    partition: int
    last_seq: int
    published_seq: int


async def shards(connection: asyncpg.Connection) -> list[OutputPartition]:
    """Every shard with the last sequence committed and the last one known to be published."""
    query = "SELECT shard, topic, partition, last_seq, published_seq FROM outbox_shard ORDER BY shard"
    return [OutputPartition(*row) for row in await connection.fetch(query)]


async def last_sequences(connection: asyncpg.Connection) -> dict[int, int]:
    """The last sequence that was committed, by shard."""
    return dict(await connection.fetch("SELECT shard, last_seq FROM outbox_shard"))


async def published_sequences(connection: asyncpg.Connection) -> dict[int, int]:
    """The last sequence known to be acknowledged by Kafka, by shard."""
    return dict(await connection.fetch("SELECT shard, published_seq FROM outbox_shard"))


async def waiting(connection: asyncpg.Connection) -> int:
    """How many events are written but not yet known to be acknowledged by Kafka."""
    return int(await connection.fetchval("SELECT coalesce(sum(last_seq - published_seq), 0) FROM outbox_shard"))


_ALLOCATE = """
WITH wanted AS (SELECT * FROM unnest($1::smallint[], $2::bigint[]) AS wanted(shard, number)),
     locked AS (SELECT shard FROM outbox_shard WHERE shard = ANY($1) ORDER BY shard FOR NO KEY UPDATE)
UPDATE outbox_shard AS shard SET last_seq = shard.last_seq + wanted.number
FROM wanted JOIN locked USING (shard) WHERE shard.shard = wanted.shard
RETURNING shard.shard, shard.last_seq - wanted.number
"""


async def append(
    pg: asyncpg.Connection,
    shards: Mapping[tuple[str, int], int],
    events: Iterable[Event],
    most_bytes: Mapping[str, int] = MAX_RECORD_BYTES,
) -> list[OutboxEvent]:
    """Gives every event the next sequence of its shard, last of all in the transaction, and writes the outbox.

    `shards` by topic (the contract's name) and partition. The shards stay locked, in order, until the commit: a
    sequence that is given is a sequence that is committed, or none. Raises EventTooLarge for one that its topic would
    refuse: `most_bytes` is what the topics take (contract.md, Topics).
    """
    by_shard: dict[int, list[Event]] = defaultdict(list)
    for event in events:
        most = most_bytes[event.topic]
        # Below half of it nobody counts headers: those of events are short, and dead letters are made to fit.
        if len(event.value or b"") + len(event.key or b"") > most // 2:
            _require_fit(event, most)
        by_shard[shards[event.topic, event.partition]].append(event)
    if not by_shard:
        return []
    touched = sorted(by_shard)
    start = dict(await pg.fetch(_ALLOCATE, touched, [len(by_shard[shard]) for shard in touched]))
    appended = [
        OutboxEvent(shard, seq, event.key, event.value, event.headers)
        for shard in touched
        for seq, event in enumerate(by_shard[shard], start=start[shard] + 1)
    ]
    await pg.copy_records_to_table("outbox", records=_records(appended))
    return appended


def _require_fit(event: Event, most: int) -> None:
    size = record_bytes(event.key, event.value, event.headers)
    if size > most:
        raise EventTooLarge(f"an event of {size} bytes; {event.topic} takes {most}")


def _records(events: Iterable[OutboxEvent]) -> Iterator[tuple[Any, ...]]:
    """The rows of `outbox`, made while they are copied."""
    for event in events:
        yield event.shard, event.seq, event.key, event.value, pack(event.headers)
    hit("batch:6-copying")


# The running sum stops a shard's part before it is too large to hold, behind the first row at the earliest;
# octet_length reads no value for that.
_READ = """
SELECT part.shard, part.seq, part.key, part.value, part.headers
FROM unnest($1::smallint[], $2::bigint[]) AS wanted(shard, after),
LATERAL (
    SELECT shard, seq, key, value, headers,
        sum(coalesce(octet_length(value), 0)) OVER (ORDER BY seq ROWS UNBOUNDED PRECEDING)
            - coalesce(octet_length(value), 0) AS bytes_before
    FROM outbox WHERE outbox.shard = wanted.shard AND outbox.seq > wanted.after ORDER BY seq LIMIT $3
) AS part
WHERE part.bytes_before < $4
"""


async def read(
    connection: asyncpg.Connection, after: Mapping[int, int], *, events: int, size: int
) -> dict[int, list[OutboxEvent]]:
    """The events that follow sequence `after[shard]`, in order; of each shard at most `events`, and no more once
    their values reach `size` bytes. Shards without any are left out."""
    found: dict[int, list[OutboxEvent]] = {}
    for shard, seq, key, value, headers in await connection.fetch(
        _READ, list(after), list(after.values()), events, size
    ):
        found.setdefault(shard, []).append(OutboxEvent(shard, seq, key, value, unpack(headers)))
    return found


# A shard whose row a batch holds is left for the next time: the cursor is a lower bound, so nobody need wait for it.
_FREE = "SELECT shard FROM outbox_shard WHERE shard = ANY($1::smallint[]) ORDER BY shard FOR NO KEY UPDATE SKIP LOCKED"
_CURSOR = """
UPDATE outbox_shard SET published_seq = greatest(published_seq, done.seq)
FROM unnest($1::smallint[], $2::bigint[]) AS done(shard, seq) WHERE outbox_shard.shard = done.shard
"""
_DELETE = "DELETE FROM outbox WHERE shard = $1 AND seq > $2 AND seq <= $3"


async def clean(connection: asyncpg.Connection, done: Mapping[int, tuple[int, int]]) -> list[int]:
    """Takes out what Kafka has acknowledged: moves each shard's cursor up to, and deletes the rows of, the sequences
    (above, up to] in `done[shard]`. Returns the shards it did; the others were busy.

    One transaction that does not wait for the disk: all it can lose in a crash is done again.
    """
    async with connection.transaction():
        await connection.execute("SET LOCAL synchronous_commit = off")
        free: list[int] = [row[0] for row in await connection.fetch(_FREE, list(done))]
        await connection.execute(_CURSOR, free, [done[shard][1] for shard in free])
        await connection.executemany(_DELETE, [(shard, *done[shard]) for shard in free])
    return free
