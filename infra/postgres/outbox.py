"""The outbox: events written with the state they tell of, on their way from a batch's commit to the relay."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import asyncpg
import orjson

from infra.compact import compact_json

Headers = list[tuple[str, bytes | None]]


class OutOfStep(Exception):
    """Database and topics contradict each other; nothing may be published until that is so no longer."""


class Outgoing(NamedTuple):
    """One event of a shard (= output topic and partition); `seq` counts from 1 and leaves no gaps within the shard."""

    shard: int
    seq: int
    key: bytes | None
    value: bytes | None
    headers: Headers


def pack(headers: Sequence[tuple[str, bytes | None]]) -> bytes:
    """The column `headers`: JSON `[[name, value in latin-1 or null], ...]`, which holds any bytes."""
    return compact_json([(name, None if value is None else value.decode("latin-1")) for name, value in headers])


def unpack(packed: bytes) -> Headers:
    """What `pack` was given."""
    return [(name, None if value is None else value.encode("latin-1")) for name, value in orjson.loads(packed)]


class Shard(NamedTuple):
    """A row of outbox_shard; `topic` is the name of the contract, without prefix."""

    number: int
    topic: str
    partition: int
    last_seq: int
    published_seq: int


async def shards(connection: asyncpg.Connection) -> list[Shard]:
    """Every shard with the last sequence committed and the last one known to be published."""
    query = "SELECT shard, topic, partition, last_seq, published_seq FROM outbox_shard ORDER BY shard"
    return [Shard(*row) for row in await connection.fetch(query)]


async def last_sequences(connection: asyncpg.Connection) -> dict[int, int]:
    """The last sequence that was committed, by shard."""
    return dict(await connection.fetch("SELECT shard, last_seq FROM outbox_shard"))


async def waiting(connection: asyncpg.Connection) -> int:
    """How many events are written but not yet known to be acknowledged by Kafka."""
    return int(await connection.fetchval("SELECT coalesce(sum(last_seq - published_seq), 0) FROM outbox_shard"))


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
) -> dict[int, list[Outgoing]]:
    """The events that follow sequence `after[shard]`, in order; of each shard at most `events`, and no more once
    their values reach `size` bytes. Shards without any are left out."""
    found: dict[int, list[Outgoing]] = {}
    for shard, seq, key, value, headers in await connection.fetch(
        _READ, list(after), list(after.values()), events, size
    ):
        found.setdefault(shard, []).append(Outgoing(shard, seq, key, value, unpack(headers)))
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


class Handoff:
    """Carries committed events from the batches to the relay of the same process, past the table.

    Only a shortcut: what is not taken in (nobody leads here, or too much waits) is found in the table. Events may come
    in any order of commits; a shard's come out in sequence, up to the first gap.
    """

    def __init__(self, *, max_events: int = 50_000, max_bytes: int = 48 << 20) -> None:
        """Takes nothing in while it holds more than `max_events`, or `max_bytes` of values."""
        self.given = asyncio.Event()
        self._max = (max_events, max_bytes)
        self._open = False
        self._segments: dict[int, deque[list[Outgoing]]] = {}
        self._reached: dict[int, int] = {}
        self._events = 0
        self._bytes = 0

    def open(self) -> None:
        """From now on events are taken in."""
        self._open = True

    def close(self) -> None:
        """Drops what is here, and everything given until `open`."""
        self._open = False
        self._segments.clear()
        self._reached.clear()
        self._events = self._bytes = 0
        self.given.clear()

    def give(self, rows: Iterable[Outgoing]) -> None:
        """To be called after the commit, with what it wrote to the outbox."""
        if not self._open:
            return
        for segment in _segments(rows):
            shard, last = segment[0].shard, segment[-1].seq
            self._reached[shard] = max(last, self._reached.get(shard, 0))
            if self._events < self._max[0] and self._bytes < self._max[1]:
                self._keep(shard, segment)
        self.given.set()

    def take(self, shard: int, after: int) -> list[Outgoing]:
        """One run of events of the shard that begins right after sequence `after`; empty when there is none. What
        lies before is dropped."""
        segments = self._segments.get(shard)
        while segments:
            first = segments[0][0].seq
            if first > after + 1:
                break
            rows = segments.popleft()
            self._count(rows, -1)
            fresh = rows[after + 1 - first :]
            if fresh:
                return fresh
        if not segments:
            self._segments.pop(shard, None)
        return []

    def reached(self) -> dict[int, int]:
        """The last sequence given since the last call, by shard: all up to it are in the table."""
        reached, self._reached = self._reached, {}
        return reached

    def _keep(self, shard: int, segment: list[Outgoing]) -> None:
        segments = self._segments.setdefault(shard, deque())
        late: list[list[Outgoing]] = []
        while segments and segments[-1][0].seq > segment[0].seq:
            late.append(segments.pop())
        segments.append(segment)
        segments.extend(reversed(late))
        self._count(segment, 1)

    def _count(self, rows: list[Outgoing], sign: int) -> None:
        self._events += sign * len(rows)
        self._bytes += sign * sum(len(row.value) for row in rows if row.value is not None)


_SEGMENT = 1_000  # events: what the relay takes at a time


def _segments(rows: Iterable[Outgoing]) -> Iterable[list[Outgoing]]:
    """The rows as runs without gaps, each of one shard and of a size that fits into a round."""
    runs: dict[int, list[Outgoing]] = {}
    done: list[list[Outgoing]] = []
    for row in rows:
        run: Any = runs.get(row.shard)
        if run is None or row.seq != run[-1].seq + 1 or len(run) >= _SEGMENT:
            run = runs[row.shard] = []
            done.append(run)
        run.append(row)
    return done
