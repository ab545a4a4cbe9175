"""listning.clock.v1: the turn of a day. It begins in one transaction, alone; what it caused for linked patients is then
worked off in chunks while other batches go on (T4, T5). The record counts as read when all of that is done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from time import perf_counter

from handlers import day as day_handler
from handlers.decide import having
from handlers.world import Needs
from handlers.world.changes import Outcome
from infra import metrics
from infra.failpoints import hit
from infra.postgres.connection import raw
from infra.postgres.day import Day, due_patients, next_day, read_day, save_day
from workers.pipeline.inbound import Read
from workers.pipeline.processor import Batches, reached
from workers.pipeline.transaction import Advance, Transaction, transact

#: linked patients worked off in one transaction
_CHUNK = 5_000


class Clock(Batches):
    """Days begin one by one, in order; days on which nothing happens are passed over."""

    before_the_first_day = True  # a record that cannot be read must not hide the first day behind it

    async def commit(self, batch: list[Read]) -> None:
        """Every record by itself: a day must be over and done with before the next begins."""
        for read in batch:
            if read.record.offset < self.positions[read.record.partition].next_offset:
                continue
            if read.dead is None:
                await self._turn(read)
            else:
                await super().commit([read])

    async def _turn(self, read: Read) -> None:
        started = perf_counter()
        target: date = read.event.day
        day = await self._day()
        applied = day.working or day.day is None or day.day < target
        while day.working or day.day is None or day.day < target:
            if day.working:
                while await self._transact(read, self._work_off):
                    hit("clock:chunk")
            else:
                await self._transact(read, lambda tx: self._begin(tx, read, target), alone=True)
                hit("clock:began")
            day = await self._day()
        read.outcome = Outcome.APPLIED if applied else Outcome.UNCHANGED
        to = reached([read])
        await transact(self.parts, Advance(self.topic, self.positions, to), _nothing)
        self.advance(to)
        metrics.set_day(day.day)
        self.tell([read], perf_counter() - started)

    async def _transact(
        self, read: Read, work: Callable[[Transaction], Awaitable[bool]], *, alone: bool = False
    ) -> bool:
        """A transaction that does not move on yet, but still asks whether the partition is ours."""
        partition = read.record.partition
        self.parts.health.progress(self.part(partition))
        fence = Advance(self.topic, self.positions, {partition: self.positions[partition].next_offset})
        return await transact(self.parts, fence, work, alone=alone, without_day=True)

    async def _begin(self, tx: Transaction, read: Read, target: date) -> bool:
        if tx.day.working or (tx.day.day is not None and tx.day.day >= target):
            return True  # an earlier attempt stood after all, though its answer was lost
        day = target if tx.day.day is None else await next_day(tx.pg, tx.day.day, target)
        await tx.drive(having(tx.world, lambda: day_handler.needs(day, tx.world)))
        day_handler.begin(day, tx.world, read.cause)
        await save_day(tx.pg, Day(day, True, read.cause))
        return True

    async def _work_off(self, tx: Transaction) -> bool:
        """One chunk of patients that are due; False, and the work is over, when there are none."""
        found = await due_patients(tx.pg, tx.world.today, _CHUNK)
        if not found:
            await save_day(tx.pg, Day(tx.day.day, False, tx.day.cause))
            return False
        wanted = Needs(patients={id for id, _ in found}, doctors={doctor for _, doctor in found if doctor is not None})
        await tx.drive(having(tx.world, lambda: wanted))
        return True

    async def _day(self) -> Day:
        async with self.parts.engine.connect() as connection:
            return await read_day(await raw(connection))


async def _nothing(tx: Transaction) -> None:
    """Only the offset moves."""
