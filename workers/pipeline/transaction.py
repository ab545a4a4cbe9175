"""One PostgreSQL transaction around the decisions on a batch (architecture.md, Saving)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from typing import Generic, Protocol, Self, TypeVar

import asyncpg

from handlers.decide import Handlers, decide_batch
from handlers.world import Needs, World
from infra.errors import DayUnknown, LockOrderViolation
from infra.failpoints import hit
from infra.offload import run_in_thread_if_large
from infra.outbox_event import OutboxEvent
from infra.patient_keys import PatientKeys
from infra.postgres import outbox
from infra.postgres.connection import checkout
from infra.postgres.day import Day
from infra.postgres.load import Loader
from infra.postgres.offsets import LastRecord, Position, advance
from infra.postgres.outbox import Event
from infra.postgres.save import save
from workers.pipeline.continuity import last_records
from workers.pipeline.inbound import InboundRecord, next_offsets
from workers.runtime import Runtime

T = TypeVar("T")

_STEPS = ("1-fence", "2-inbox", "4-decide", "5-save", "6-copying", "6-outbox", "7-commit")
FAILPOINTS = tuple(f"batch:{step}" for step in _STEPS)


class Fence(Protocol):
    """What a transaction does to the offsets of its records."""

    async def enter(self, pg: asyncpg.Connection) -> None:
        """Raises Fenced where a partition is no longer ours."""

    async def leave(self, tx: Transaction, appended: Sequence[OutboxEvent]) -> None:
        """What is written last of all, when everything is decided and saved; `appended` is what will be published."""


@dataclass(slots=True, frozen=True)
class Advance:
    """The fence of a batch: moves the topic's partitions on from their `positions` to their `next_offsets`, behind the
    records handled `last`."""

    topic: str
    positions: Mapping[int, Position]
    next_offsets: Mapping[int, int]
    last: Mapping[int, LastRecord] = field(default_factory=dict)

    @classmethod
    def past(
        cls, topic: str, positions: Mapping[int, Position], batch: Sequence[InboundRecord], keys: PatientKeys
    ) -> Self:
        """Moves them behind the batch."""
        return cls(topic, positions, next_offsets(batch), last_records((r.record for r in batch), keys))

    async def enter(self, pg: asyncpg.Connection) -> None:
        """Raises Fenced where a partition stands elsewhere, or is another process's."""
        await advance(pg, self.topic, self.positions, self.next_offsets, self.last)

    async def leave(self, tx: Transaction, appended: Sequence[OutboxEvent]) -> None:
        """Nothing: the offsets have moved at once."""


@asynccontextmanager
async def transaction(
    runtime: Runtime,
    fence: Fence,
    load_first: Needs,
    *,
    exclusive: bool = False,
    before_first_day: bool = False,
    single: bool = False,
) -> AsyncIterator[Transaction]:
    """The steps of a batch; a failpoint `batch:<step>` follows every step except 3, which shares step 4's:

    1-fence     the reference data's lock (day and units), then the offsets of the batch's partitions move on; where
                another process owns one of them, the batch is dropped
    2-inbox     commands only: their ids are remembered, those known already are answered again
    3-load      doctors, then patients, are loaded and locked in the order of their keys, as the decisions ask for them
    4-decide    in offset order, on the world in memory
    5-save      what changed, set-based, with the audit rows
    6-outbox    every event gets the next sequence of its shard, last of all, and is written; `batch:6-copying` lies
                within, where the database waits for the rest of the rows
    7-commit    and only then: the relay is handed the events, and Kafka's group commit mirrors the offsets

    `load_first`: what is loaded before anything is decided; more is added to it where LockOrderViolation is raised.
    `exclusive`: units or the day change, nothing else happens meanwhile. `single`: it is for one record alone, which
    cannot be halved and may load more.

    Raises Fenced, DayUnknown (not with `before_first_day`), LockOrderViolation, BatchTooLarge and what the block and
    the database raise; nothing is saved then.
    """
    async with checkout(runtime.engine) as pg, pg.transaction():
        day = await runtime.reference_data.enter(pg, exclusive=exclusive)
        await fence.enter(pg)
        hit("batch:1-fence")
        if day.day is None and not before_first_day:
            raise DayUnknown
        world = _world(runtime, day, exclusive)
        most = runtime.limits.of_record if single else runtime.limits.of_batch
        loader = Loader(pg, world, runtime.keys, exclusive=exclusive, in_progress=day.in_progress, most_patients=most)
        tx = Transaction(pg, day, world, loader)
        try:
            await tx.load(load_first)
            yield tx  # 2-inbox, 3-load and 4-decide are the block's
        except LockOrderViolation:
            load_first.add(world.loaded)
            raise
        hit("batch:4-decide")
        links = asyncio.create_task(runtime.events.links(world))  # they are built while the database saves
        try:
            await save(pg, world, loader, runtime.provenance)
        finally:
            await asyncio.gather(links, return_exceptions=True)
        hit("batch:5-save")
        tx.events += await runtime.events.build(pg, world, links.result())
        appended = await outbox.append(pg, runtime.shards, tx.events, runtime.max_record_bytes)
        await fence.leave(tx, appended)
        hit("batch:6-outbox")
    hit("batch:7-commit")
    runtime.handoff.put(appended)


async def in_lock_order(attempt: Callable[[Needs], Awaitable[T]]) -> T:
    """Attempts a transaction, and once more where it would have taken locks out of order, with all that it needed
    loaded at once: `attempt` gets what must be loaded first."""
    load_first = Needs()
    while True:
        with suppress(LockOrderViolation):
            return await attempt(load_first)


@dataclass(slots=True)
class Transaction:
    """An open transaction: what is decided in it changes `world`; `events` are published beside what that causes."""

    pg: asyncpg.Connection
    day: Day
    world: World
    loader: Loader
    events: list[Event] = field(default_factory=list)

    async def load(self, needs: Needs) -> None:
        """Loads what is needed, whatever is decided."""
        if needs.minus(Needs()) is not None:
            self.world.loaded.add(needs)
            await self.loader.load(needs)

    async def decide(
        self, batch: Sequence[InboundRecord], handlers: Handlers, known_upfront: frozenset[type] = frozenset()
    ) -> None:
        """Decides on the records in this order, and notes the outcome of each."""
        events = [(inbound.event, inbound.cause) for inbound in batch]
        outcomes = await self.run(decide_batch(events, handlers, self.world, known_upfront))
        for inbound, outcome in zip(batch, outcomes, strict=True):
            inbound.outcome = outcome

    async def run(self, decision: Generator[Needs, None, T]) -> T:
        """Runs a decision to its end, loading whatever it asks for."""
        while True:
            step = await run_in_thread_if_large(len(self.world.patients), lambda: _next(decision))
            if isinstance(step, Needs):
                await self.loader.load(step)
            else:
                return step.result


@dataclass(slots=True, frozen=True)
class _Decided(Generic[T]):
    """A decision's last step (no StopIteration gets out of a thread)."""

    result: T


def _next(decision: Generator[Needs, None, T]) -> Needs | _Decided[T]:
    try:
        return next(decision)
    except StopIteration as done:
        return _Decided(done.value)


def _world(runtime: Runtime, day: Day, exclusive: bool) -> World:
    # An exclusive transaction may change units; the process's own must not be touched before the commit.
    units = dict(runtime.reference_data.units) if exclusive else runtime.reference_data.units
    return World(day.day or date.min, day.cause, runtime.settings.policy, units)
