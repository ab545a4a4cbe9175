"""Runs: what operators have judged again, how far each is, and who works on it (O4).

A run's position moves in the transaction that holds its effects, so it can be killed anywhere and resumed; its epoch
rises whenever another executor takes it over, so that two never judge a record twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal, NamedTuple

import asyncpg
import orjson

from infra.errors import RunStopped

Kind = Literal["replay", "dlq_replay", "reconcile", "republish"]
State = Literal["planned", "running", "paused", "done", "cancelled", "failed"]


class RunPartition(NamedTuple):
    """A partition's part of a run: records from `first_offset` up to, not including, `end_offset`. Those before
    `next_offset` are judged; those before `read_offset` are counted: committed records, records of aborted
    transactions, control records; `first_record` is the offset of the first committed one."""

    partition: int
    first_offset: int
    end_offset: int
    next_offset: int
    read_offset: int
    records: int = 0
    aborted: int = 0
    control: int = 0
    first_record: int | None = None


class Totals(NamedTuple):
    """What came of the records judged so far: how many of each outcome, and of each topic's events by what they say;
    the digest over all of them; by outbox shard the last event."""

    outcomes: Mapping[str, int]
    events: Mapping[str, Mapping[str, int]]
    digest: bytes
    sequences: Mapping[int, int]


class NewRun(NamedTuple):
    """One operation of an operator's, as it is begun on the installation's `day`."""

    id: str
    kind: Kind
    topic: str
    selection: Mapping[str, Any]
    reason: str
    actor: str
    release: str
    detached: bool
    records_per_second: int | None
    day: date
    state: State = "running"


class Run(NamedTuple):
    """One operation of an operator's. `day` is the installation's when it began; `working`: an executor has it."""

    id: str
    kind: Kind
    topic: str
    selection: Mapping[str, Any]
    reason: str
    actor: str
    release: str
    state: State
    detached: bool
    records_per_second: int | None
    epoch: int
    working: bool
    day: date | None
    outcomes: Mapping[str, int]
    events: Mapping[str, Mapping[str, int]]
    digest: bytes
    sequences: Mapping[int, int]
    error: str | None
    started_at: datetime
    changed_at: datetime

    @property
    def totals(self) -> Totals:
        """What came of the records judged so far."""
        return Totals(self.outcomes, self.events, self.digest, {int(s): seq for s, seq in self.sequences.items()})


_COLUMNS = """
id, kind, topic, selection, reason, actor, release, state, detached, records_per_second, epoch,
lease_until > now() AND state = 'running', day, outcomes, events, digest, sequences, error, started_at, changed_at
"""
_CREATE = """
INSERT INTO run (id, kind, topic, selection, reason, actor, release, detached, records_per_second, day, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
_CREATE_PARTITIONS = """
INSERT INTO run_partition (run, partition, first_offset, end_offset, next_offset, read_offset)
SELECT $1, partition, first_offset, end_offset, first_offset, first_offset
FROM unnest($2::int[], $3::bigint[], $4::bigint[]) AS new(partition, first_offset, end_offset)
"""
_PARTITIONS = """
SELECT partition, first_offset, end_offset, next_offset, read_offset, records, aborted, control, first_record
FROM run_partition WHERE run = $1 ORDER BY partition
"""
_TAKE = """
UPDATE run SET epoch = epoch + 1, lease_until = now() + make_interval(secs => $2), changed_at = now(),
    state = 'running', error = NULL
WHERE id = $1 AND (state IN ('paused', 'failed') OR (state = 'running' AND lease_until <= now()))
RETURNING epoch
"""
_LOCK = "SELECT state FROM run WHERE id = $1 AND epoch = $2 FOR UPDATE"
_POSITION = "SELECT next_offset FROM run_partition WHERE run = $1 AND partition = $2 FOR UPDATE"
_MOVE = """
UPDATE run_partition SET (next_offset, read_offset, records, aborted, control, first_record)
= ROW($3::bigint, $4::bigint, $5::bigint, $6::bigint, $7::bigint, $8::bigint) WHERE run = $1 AND partition = $2
"""
_TOTALS = """
UPDATE run SET (outcomes, events, digest, sequences, lease_until, changed_at)
= ROW($2::json, $3::json, $4::bytea, $5::json, now() + make_interval(secs => $6), now()) WHERE id = $1
"""
_RENEW = """
UPDATE run SET lease_until = now() + make_interval(secs => $3) WHERE id = $1 AND epoch = $2 AND state = 'running'
"""
_END = """
UPDATE run SET state = $3, error = $4, lease_until = now(), changed_at = now()
WHERE id = $1 AND epoch = $2 AND state = 'running'
"""
_NEXT_DETACHED = """
SELECT id FROM run WHERE detached AND state = 'running' AND lease_until <= now() ORDER BY started_at LIMIT 1
"""
_HAND_OVER = """
UPDATE run SET detached = true, state = 'running', lease_until = now(), changed_at = now(), error = NULL
WHERE id = $1 AND (state IN ('paused', 'failed') OR (state = 'running' AND lease_until <= now()))
"""
_BEGIN_PLANNED = """
UPDATE run SET state = 'running', reason = $2, actor = $3, release = $4, records_per_second = $5, detached = $6,
    started_at = now(), changed_at = now()
WHERE id = $1 AND state = 'planned'
"""
_SET_STATE = """
UPDATE run SET state = $2, lease_until = now(), changed_at = now() WHERE id = $1 AND state = ANY($3::text[])
"""


async def create(pg: asyncpg.Connection, run: NewRun, partitions: Sequence[RunPartition]) -> None:
    """Writes a new run, which nobody works on yet."""
    async with pg.transaction():
        await pg.execute(_CREATE, *run._replace(selection=orjson.dumps(run.selection).decode()))  # type: ignore[arg-type]
        await pg.execute(
            _CREATE_PARTITIONS,
            run.id,
            [part.partition for part in partitions],
            [part.first_offset for part in partitions],
            [part.end_offset for part in partitions],
        )


async def read(pg: asyncpg.Connection, id: str) -> tuple[Run, list[RunPartition]] | None:
    """The run with its partitions in their order; None where there is none of that id."""
    row = await pg.fetchrow(f"SELECT {_COLUMNS} FROM run WHERE id = $1", id)
    return None if row is None else (Run(*row), [RunPartition(*part) for part in await pg.fetch(_PARTITIONS, id)])


async def read_newest(pg: asyncpg.Connection, limit: int) -> list[Run]:
    """The runs begun last, the newest first."""
    return [Run(*row) for row in await pg.fetch(f"SELECT {_COLUMNS} FROM run ORDER BY started_at DESC LIMIT $1", limit)]


async def take(pg: asyncpg.Connection, id: str, lease_seconds: float) -> int | None:
    """Takes the run for this executor, whom it then belongs to for as long as the lease is renewed; returns its epoch.
    None where another has it, or it is over."""
    epoch: int | None = await pg.fetchval(_TAKE, id, lease_seconds)
    return epoch


async def lock(pg: asyncpg.Connection, id: str, epoch: int) -> None:
    """The run stays as it is until the transaction ends. Raises RunStopped where it is no longer ours, or is not
    running."""
    state = await pg.fetchval(_LOCK, id, epoch)
    if state != "running":
        raise RunStopped(state)


async def lock_position(pg: asyncpg.Connection, id: str, partition: int) -> int:
    """Records of the partition before this offset are judged."""
    offset: int = await pg.fetchval(_POSITION, id, partition)
    return offset


async def save(
    pg: asyncpg.Connection, id: str, moved: RunPartition, totals: Totals | None, lease_seconds: float
) -> None:
    """Moves a partition on, in the transaction that has locked the run; `totals` where they have changed."""
    await pg.execute(
        _MOVE,
        *(id, moved.partition, moved.next_offset, moved.read_offset),
        *(moved.records, moved.aborted, moved.control, moved.first_record),
    )
    if totals is not None:
        outcomes, events = orjson.dumps(totals.outcomes).decode(), orjson.dumps(totals.events).decode()
        sequences = orjson.dumps({str(shard): seq for shard, seq in totals.sequences.items()}).decode()
        await pg.execute(_TOTALS, id, outcomes, events, totals.digest, sequences, lease_seconds)


async def next_detached(pg: asyncpg.Connection) -> str | None:
    """The oldest run that was left to the service and that nobody works on."""
    id: str | None = await pg.fetchval(_NEXT_DETACHED)
    return id


async def hand_over(pg: asyncpg.Connection, id: str) -> bool:
    """Leaves a run that nobody works on to the service; False where somebody does, or it is over."""
    return bool(await pg.execute(_HAND_OVER, id) == "UPDATE 1")


async def begin_planned(
    pg: asyncpg.Connection,
    id: str,
    *,
    reason: str,
    actor: str,
    release: str,
    records_per_second: int | None,
    detached: bool,
) -> bool:
    """Makes a plan a run that nobody works on yet; False where it is no plan, or was carried out before (R7)."""
    done = await pg.execute(_BEGIN_PLANNED, id, reason, actor, release, records_per_second, detached)
    return bool(done == "UPDATE 1")


async def renew(pg: asyncpg.Connection, id: str, epoch: int, lease_seconds: float) -> bool:
    """Whether the run is still ours and running; its lease is renewed then."""
    return bool(await pg.execute(_RENEW, id, epoch, lease_seconds) == "UPDATE 1")


async def end(pg: asyncpg.Connection, id: str, epoch: int, state: State, error: str | None = None) -> bool:
    """Lets go of a run that is ours and running, as done, paused or failed; False where it is not."""
    return bool(await pg.execute(_END, id, epoch, state, error) == "UPDATE 1")


async def set_state(pg: asyncpg.Connection, id: str, state: State, before: Sequence[State]) -> bool:
    """Pauses or cancels a run, whoever works on it, which stops at its next transaction; False where its state was
    none of those `before`."""
    return bool(await pg.execute(_SET_STATE, id, state, list(before)) == "UPDATE 1")
