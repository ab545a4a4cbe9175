"""The installation as it would be: one snapshot of its database, and in memory what was decided on it since (O2)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import date

from handlers.decide import decide_batch, load_missing
from handlers.world import ChangeSet, Needs, World
from handlers.world.changes import Cause, ChangeRecord
from infra.errors import DayUnknown
from infra.postgres.day import Day
from infra.postgres.rehearsal import Carried, RehearsalLoader, Snapshot
from schemas.clock import DayBegan
from schemas.topics import LISTNING_CLOCK
from workers.pipeline.transaction import Transaction
from workers.routes import ROUTES
from workers.runtime import Runtime

_CLOCK = next(route for route in ROUTES.values() if route.topic == LISTNING_CLOCK)


class RehearsedState:
    """`day` is the one that has begun last in it; its own date is the snapshot's until another one begins."""

    def __init__(self, runtime: Runtime, snapshot: Snapshot) -> None:
        """Raises DayUnknown before the first day."""
        if snapshot.day.day is None:
            raise DayUnknown
        self._runtime = runtime
        self._snapshot = snapshot
        self._carried = Carried(snapshot.units)
        self._today = snapshot.day.day
        self._cause = snapshot.day.cause
        self._in_progress = snapshot.day.in_progress

    @property
    def today(self) -> date:
        """The day that has begun last."""
        return self._today

    @property
    def full(self) -> bool:
        """Too much has changed to carry all of it: what is decided from now on is an estimate."""
        return self._carried.full

    async def decided(
        self, work: Callable[[Transaction], Awaitable[object]], *, single: bool = False
    ) -> Sequence[ChangeRecord]:
        """What the work, a transaction's, changes; what is decided later sees it. `single`: it is about one record
        alone. Raises what the handlers raise, and nothing has changed then."""
        return (await self._on_world(work, single=single)).records

    async def turn(self, target: date, cause: Cause) -> AsyncIterator[tuple[date, Sequence[ChangeRecord]]]:
        """Begins the days up to the target as the clock's worker does (`pipeline.day`), and works off what each of them
        leaves to do; hands out what has changed, piece by piece, with its day. What was left of today comes first."""
        if self._in_progress:
            async for changes in self._work_off(None, ChangeSet()):
                yield self._today, changes
        while self._today < target:
            before, day = self._today, await self._snapshot.next_day(self._carried, self._today, target)
            begun = await self._begin(day, cause)
            yield day, begun.records
            async for changes in self._work_off(before, begun):
                yield day, changes

    async def _begin(self, day: date, cause: Cause) -> ChangeSet:
        event = (DayBegan(day=day), cause)
        changes = await self._on_world(lambda tx: tx.run(decide_batch([event], _CLOCK.handlers, tx.world)))
        self._today, self._cause, self._in_progress = day, cause, True
        return changes

    async def _work_off(self, before: date | None, begun: ChangeSet) -> AsyncIterator[Sequence[ChangeRecord]]:
        """Chunk by chunk the patients on whom today has work left (T5)."""
        due, size = await self._snapshot.due_patients(self._carried, before, self._today, begun), self._chunk
        for start in range(0, len(due), size):
            patients = set(due[start : start + size])

            async def work(tx: Transaction, patients: set[int] = patients) -> None:
                await tx.load(Needs(patients=patients))
                tx.world.overdue |= tx.world.patients.keys()
                await tx.run(load_missing(tx.world, [], Needs()))

            yield await self.decided(work)
        self._in_progress = False

    @property
    def _chunk(self) -> int:
        return self._runtime.limits.of_chunk

    async def _on_world(self, work: Callable[[Transaction], Awaitable[object]], *, single: bool = False) -> ChangeSet:
        runtime, pg = self._runtime, self._snapshot.pg
        day = Day(self._today, self._in_progress, self._cause)
        world = World(self._today, self._cause, runtime.settings.policy, dict(self._carried.units))
        most = runtime.limits.of_record if single else runtime.limits.of_batch
        loader = RehearsalLoader(pg, world, runtime.keys, self._carried, day, most)
        await work(Transaction(pg, day, world, loader))
        self._carried.keep(world)
        return world.changes
