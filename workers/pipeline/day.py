"""The turn of a day. It begins in one transaction, exclusively; what it caused for linked patients is then worked off
in chunks while other batches go on (T4, T5). The record counts as handled when all of that is done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date

from handlers.decide import load_missing
from handlers.world import Needs
from handlers.world.changes import Outcome
from infra import metrics
from infra.failpoints import hit
from infra.postgres.connection import checkout
from infra.postgres.day import Day, due_patients, next_day, read_day, save_day
from schemas.clock import DayBegan
from workers.pipeline.assignment import Assignment
from workers.pipeline.dead_letters import add_dead_letters
from workers.pipeline.inbound import InboundRecord
from workers.pipeline.route import Route
from workers.pipeline.transaction import Advance, Transaction, in_lock_order, transaction
from workers.runtime import Runtime


async def commit(route: Route, runtime: Runtime, assignment: Assignment, batch: list[InboundRecord]) -> None:
    """Days begin one by one, in order, up to that of the batch's only record; days on which nothing happens are passed
    over. A record that cannot be understood must not hide the first day behind it."""
    (inbound,) = batch
    if inbound.dead_letter_reason is None:
        await _begin_days(route, runtime, assignment, inbound)
    fence = Advance.past(route.topic, assignment.positions, batch, runtime.keys)
    async with transaction(runtime, fence, Needs(), before_first_day=True) as tx:
        await add_dead_letters(tx, route.topic, batch, runtime)


async def _begin_days(route: Route, runtime: Runtime, assignment: Assignment, inbound: InboundRecord) -> None:
    partition, target = inbound.record.partition, inbound.event.day
    # None of these transactions moves the offset on yet, but each asks whether the partition is still ours.
    fence = Advance(route.topic, assignment.positions, assignment.unmoved(partition))

    async def run(work: Callable[[Transaction], Awaitable[bool]], *, exclusive: bool = False) -> bool:
        runtime.health.progress(assignment.component(partition))

        async def attempt(load_first: Needs) -> bool:
            async with transaction(runtime, fence, load_first, exclusive=exclusive, before_first_day=True) as tx:
                return await work(tx)

        return await in_lock_order(attempt)

    async def begin(tx: Transaction) -> bool:
        return await _begin_next(tx, route, inbound, target)

    async def work_off(tx: Transaction) -> bool:
        return await _work_off_chunk(tx, runtime.limits.of_chunk)

    inbound.outcome = Outcome.UNCHANGED
    day = await _current_day(runtime)
    while day.in_progress or day.day is None or day.day < target:
        inbound.outcome = Outcome.APPLIED
        if day.in_progress:
            while await run(work_off):
                hit("clock:chunk")
        else:
            await run(begin, exclusive=True)
            hit("clock:began")
        day = await _current_day(runtime)
    metrics.set_day(day.day)


async def _begin_next(tx: Transaction, route: Route, inbound: InboundRecord, target: date) -> bool:
    if tx.day.in_progress or (tx.day.day is not None and tx.day.day >= target):
        return True  # an earlier attempt stood after all, though its answer was lost
    day = target if tx.day.day is None else await next_day(tx.pg, tx.day.day, target)
    began = InboundRecord(inbound.record, DayBegan(day=day), inbound.cause)
    await tx.decide([began], route.handlers)
    await save_day(tx.pg, Day(day, True, inbound.cause))
    return True


async def _work_off_chunk(tx: Transaction, size: int) -> bool:
    """One chunk of patients that are due; False, and the work is over, when there are none."""
    due = await due_patients(tx.pg, tx.world.today, size)
    if not due:
        await save_day(tx.pg, Day(tx.day.day, False, tx.day.cause))
        return False
    needs = Needs(patients={id for id, _ in due}, doctors={doctor for _, doctor in due if doctor is not None})
    await tx.run(load_missing(tx.world, [], needs))
    return True


async def _current_day(runtime: Runtime) -> Day:
    async with checkout(runtime.engine) as pg:
        return await read_day(pg)
