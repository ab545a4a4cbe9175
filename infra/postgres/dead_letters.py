"""Dead letters as the database has them, bytes and all: what operators look at and replay. The dead-letter topics are
copies for other systems."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from handlers.world.changes import Place
from infra.outbox_event import Headers
from infra.postgres.inserts import refuse_nulls
from infra.postgres.outbox import pack


class DeadLetter(NamedTuple):
    """A record of a topic (the contract's name) as it came, and why it is dead; `timestamp` is the record's own, in
    milliseconds, of whatever value."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    code: str
    detail: str
    fingerprint: str | None
    release: str
    attempts: int
    dead_at: datetime


_NULLABLE = frozenset({"key", "value", "fingerprint"})
# One that is dead-lettered again was read again, or replayed: it is open once more, with the newest reason. Where its
# topic was made anew another record stands there.
_ADD = """
INSERT INTO dead_letter AS letter (topic, partition, record_offset, record_timestamp, key, value, headers, code, detail,
    fingerprint, release, attempts, dead_at, last_at)
SELECT new.*, new.dead_at FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bytea[],
    $7::bytea[], $8::text[], $9::text[], $10::text[], $11::text[], $12::int[], $13::timestamptz[]) AS new(topic,
    partition, record_offset, record_timestamp, key, value, headers, code, detail, fingerprint, release, attempts,
    dead_at)
ON CONFLICT (topic, partition, record_offset) DO UPDATE
SET (record_timestamp, key, value, headers, code, detail, fingerprint, release, attempts, last_at, state)
= ROW(excluded.record_timestamp, excluded.key, excluded.value, excluded.headers, excluded.code, excluded.detail,
      excluded.fingerprint, excluded.release, letter.attempts + excluded.attempts, excluded.last_at, 'open')
"""
_SETTLE = """
UPDATE dead_letter AS letter SET state = 'handled'
FROM (SELECT * FROM unnest($2::int[], $3::bigint[]) AS new(partition, record_offset) ORDER BY 1, 2) AS new
WHERE letter.topic = $1 AND letter.state = 'open'
  AND letter.partition = new.partition AND letter.record_offset = new.record_offset
"""
_EXPIRE = """
DELETE FROM dead_letter WHERE (topic, partition, record_offset) IN (
    SELECT topic, partition, record_offset FROM dead_letter WHERE dead_at < $1 ORDER BY dead_at LIMIT $2)
"""


async def add(pg: asyncpg.Connection, letters: Sequence[DeadLetter]) -> None:
    """Stores the letters, in the transaction that dead-letters their records."""
    columns: dict[str, Sequence[Any]] = dict(zip(DeadLetter._fields, zip(*letters, strict=True), strict=True))
    columns["headers"] = [pack(letter.headers) for letter in letters]
    refuse_nulls("dead_letter", **{name: column for name, column in columns.items() if name not in _NULLABLE})
    await pg.execute(_ADD, *columns.values())


async def settle(pg: asyncpg.Connection, topic: str, places: Sequence[Place]) -> None:
    """The letters of these records that are open were handled after all, in the transaction that does so."""
    await pg.execute(_SETTLE, topic, [place.partition for place in places], [place.offset for place in places])


async def expire(pg: asyncpg.Connection, before: datetime, limit: int) -> int:
    """Deletes at most so many that were dead-lettered before; returns how many."""
    done: str = await pg.execute(_EXPIRE, before, limit)
    return int(done.removeprefix("DELETE "))
