"""One PostgreSQL transaction with a world to decide on; begun again where locks would be taken out of order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Generic, Protocol, TypeVar

import asyncpg

from handlers.world import Needs, World
from infra.failpoints import hit
from infra.offload import aside
from infra.postgres import outbox
from infra.postgres.connection import raw
from infra.postgres.day import Day
from infra.postgres.load import Loader, Restart
from infra.postgres.offsets import Position, advance
from infra.postgres.outbox import Event
from infra.postgres.save import save
from workers.runtime import Runtime

T = TypeVar("T")


class DayUnknown(Exception):
    """No day has begun yet, so nothing else may be read (T3)."""


class Fence(Protocol):
    """What a transaction does to the offsets of its records."""

    async def enter(self, pg: asyncpg.Connection) -> None:
        """Raises Fenced where a partition is no longer ours."""


@dataclass(slots=True, frozen=True)
class Advance:
    """Moves the partitions of a topic on to the offsets of `to`; `held` is where they stand."""

    topic: str
    held: Mapping[int, Position]
    to: Mapping[int, int]

    async def enter(self, pg: asyncpg.Connection) -> None:
        """Raises Fenced where they stand elsewhere, or are another's."""
        await advance(pg, self.topic, self.held, self.to)


@dataclass(slots=True)
class Transaction:
    """An open transaction: what is decided in it changes `world`; `events` are published beside what that says."""

    pg: asyncpg.Connection
    day: Day
    world: World
    loader: Loader
    events: list[Event] = field(default_factory=list)

    async def drive(self, decision: Generator[Needs, None, T]) -> T:
        """Runs a decision, loading whatever it asks for."""
        while True:
            step = await aside(len(self.world.patients), lambda: _next(decision))
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


Work = Callable[[Transaction], Awaitable[T]]


async def transact(
    parts: Runtime,
    fence: Fence,
    work: Work[T],
    *,
    alone: bool = False,
    without_day: bool = False,
    single: bool = False,
) -> T:
    """Steps 1 to 7 of a batch around `work`, which is 2 to 4. `alone`: units or the day change, nothing else happens
    meanwhile. `single`: it is for one record alone, which may ask for more. Raises Fenced, DayUnknown (but
    `without_day`), TooMuch, and what work and the database raise; nothing is saved then."""
    known = Needs()
    while True:
        try:
            return await _attempt(parts, fence, work, known, alone=alone, without_day=without_day, single=single)
        except Restart:
            continue


async def _attempt(
    parts: Runtime, fence: Fence, work: Work[T], known: Needs, *, alone: bool, without_day: bool, single: bool
) -> T:
    """Raises Restart, and `known` is then what must be loaded first the next time."""
    async with parts.engine.connect() as connection:
        pg = await raw(connection)
        async with pg.transaction():
            day = await parts.directory.enter(pg, alone=alone)
            await fence.enter(pg)
            hit("batch:1-fence")
            if day.day is None and not without_day:
                raise DayUnknown
            world = _world(parts, day, alone)
            loader = Loader(pg, world, parts.keys, alone=alone, working=day.working, single=single)
            tx = Transaction(pg, day, world, loader)
            try:
                if known.minus(Needs()) is not None:
                    world.met.add(known)
                    await tx.loader.load(known)
                result = await work(tx)
            except Restart:
                known.add(world.met)
                raise
            hit("batch:4-decide")
            links = asyncio.create_task(parts.events.links(world))  # they are made while the database saves
            try:
                await save(pg, world, tx.loader)
            finally:
                await asyncio.gather(links, return_exceptions=True)
            hit("batch:5-save")
            tx.events += await parts.events.build(pg, world, links.result())
            appended = await outbox.append(pg, parts.shards, tx.events)
            hit("batch:6-outbox")
    hit("batch:7-commit")
    parts.handoff.give(appended)
    return result


def _world(parts: Runtime, day: Day, alone: bool) -> World:
    # Whoever is alone may change units; the process's own must not be touched before the commit.
    units = dict(parts.directory.units) if alone else parts.directory.units
    return World(day.day or date.min, day.cause, parts.settings.policy, units)
