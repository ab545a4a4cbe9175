"""Judging records once more with the service's own handlers: in a rehearsal, which leaves no trace, or in earnest, as
part of a run (operations.md). Either way the same loading, handlers and batches; no handler knows of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from itertools import compress
from operator import not_
from typing import Protocol

from handlers.world.changes import ChangeRecord, Outcome, ReplyResent
from infra.error_kinds import ErrorKind, kind_of
from infra.errors import RunStopped
from infra.failures import failure_reason
from infra.postgres import dead_letters
from infra.postgres.inbox import answered, remember
from infra.postgres.rehearsal import Snapshot
from workers.operations.ranges import Batch
from workers.operations.rehearsed_state import RehearsedState
from workers.operations.tally import Tally
from workers.pipeline.dead_letters import dead_letter
from workers.pipeline.inbound import InboundRecord, decodable
from workers.pipeline.route import Route
from workers.pipeline.transaction import Transaction
from workers.runtime import Runtime

#: decides on the records of a batch that could be understood
Decide = Callable[[Transaction, Sequence[InboundRecord]], Awaitable[None]]
#: what else a run does with a batch, before or after its records are decided on
Attend = Callable[[Transaction, Sequence[InboundRecord]], Awaitable[None]]


#: is told what came of a batch's records
Listen = Callable[[Sequence[InboundRecord], Sequence[ChangeRecord]], Awaitable[None]]


class Judge(Protocol):
    """Judges batches one after the other. `tally` is what came of those that it has judged."""

    tally: Tally

    async def judge(self, batch: Batch) -> None:
        """All of the batch, or nothing of it. Raises what the handlers raise."""


def facts(route: Route) -> Decide:
    """Facts are decided on as when they were first read (R1)."""

    async def decide(tx: Transaction, batch: Sequence[InboundRecord]) -> None:
        await tx.decide(batch, route.handlers, route.known_upfront)

    return decide


def answered_commands(*, resend_replies: bool) -> Decide:
    """Commands are never carried out again: one that was handled is `repeated`, and its reply sent once more only where
    that is asked for; one that never was is left out as `dead` (R3)."""

    async def decide(tx: Transaction, batch: Sequence[InboundRecord]) -> None:
        replied = await answered(tx.pg, [(inbound.cause.source, inbound.cause.id) for inbound in batch])
        for inbound, has_reply in zip(batch, replied, strict=True):
            inbound.outcome = Outcome.DEAD if has_reply is None else Outcome.REPEATED
            if has_reply and resend_replies:
                tx.world.changes.record(ReplyResent(inbound.cause.source, inbound.cause.id))

    return decide


def new_commands(route: Route) -> Decide:
    """Commands that died are carried out for the first time (Q2); of one that was handled since, as another record,
    nothing comes."""

    async def decide(tx: Transaction, batch: Sequence[InboundRecord]) -> None:
        new = await remember(tx.pg, [(inbound.cause.source, inbound.cause.id) for inbound in batch])
        await _decide_new(tx, route, batch, new)

    return decide


def rehearsed_new_commands(route: Route) -> Decide:
    """The same, where nothing can be remembered but here."""
    known: set[tuple[str, str]] = set()

    async def decide(tx: Transaction, batch: Sequence[InboundRecord]) -> None:
        ids = [(inbound.cause.source, inbound.cause.id) for inbound in batch]
        seen, new = set(known), []
        for id, has_reply in zip(ids, await answered(tx.pg, ids), strict=True):
            new.append(has_reply is None and id not in seen)
            seen.add(id)
        await _decide_new(tx, route, batch, new)
        known.update(seen)

    return decide


async def _decide_new(tx: Transaction, route: Route, batch: Sequence[InboundRecord], new: Sequence[bool]) -> None:
    for inbound in compress(batch, map(not_, new)):
        inbound.outcome = Outcome.REPEATED
    await tx.decide(list(compress(batch, new)), route.handlers, route.known_upfront)


class Rehearsal:
    """Judges on a snapshot, carrying what changes in memory. `estimated_from` is the place from which on too much had
    changed to carry all of it (O2)."""

    def __init__(self, runtime: Runtime, snapshot: Snapshot, decide: Decide, listen: Listen | None = None) -> None:
        """`listen` is told what came of each batch. Raises DayUnknown before the first day."""
        self._state = RehearsedState(runtime, snapshot)
        self._decide = decide
        self._listen = listen
        self.tally = Tally()
        self.estimated_from: str | None = None
        #: as of which it is judged (T2)
        self.day = self._state.today

    async def judge(self, batch: Batch) -> None:
        """Nothing of it shows anywhere but in the tally."""
        records = decodable(batch.records)

        async def work(tx: Transaction) -> None:
            if records:
                await self._decide(tx, records)

        changes = await self._state.decided(work, single=len(batch.records) == 1)
        if self._state.full and self.estimated_from is None:
            self.estimated_from = f"{batch.before.partition}/{batch.before.next_offset}"
        self.tally.add(batch.records, changes)
        if self._listen is not None:
            await self._listen(batch.records, changes)


async def judge_all(judge: Judge, batches: AsyncIterator[Batch]) -> AsyncIterator[Batch]:
    """Judges them in their order, and hands each out when it is done. Raises what is no record's fault."""
    async with aclosing(_read_ahead(batches)) as ahead:
        async for batch in ahead:
            await _judge(judge, batch)
            yield batch


async def _read_ahead(batches: AsyncIterator[Batch]) -> AsyncGenerator[Batch, None]:
    """The next batch is read and understood while the database works on this one."""

    async def following() -> Batch | None:
        return await anext(batches, None)

    ahead = asyncio.create_task(following())
    try:
        while (batch := await ahead) is not None:
            ahead = asyncio.create_task(following())
            yield batch
    finally:
        ahead.cancel()
        await asyncio.gather(ahead, return_exceptions=True)


async def _judge(judge: Judge, batch: Batch) -> None:
    """One whole batch, in halves where it fails: the record that fails alone ends `dead`."""
    try:
        await judge.judge(batch)
    except RunStopped:
        raise
    except Exception as error:
        if kind_of(error) is not ErrorKind.RECORD or not batch.records:
            raise
        if len(batch.records) > 1:
            for half in _halves(batch):
                await _judge(judge, half)
            return
        (inbound,) = batch.records
        if inbound.dead_letter_reason is not None:
            raise
        inbound.dead_letter_reason, inbound.outcome = failure_reason(error), Outcome.DEAD
        await judge.judge(batch)


def _halves(batch: Batch) -> tuple[Batch, Batch]:
    middle = len(batch.records) // 2
    first, second = batch.records[:middle], batch.records[middle:]
    between = batch.before._replace(next_offset=second[0].record.offset)
    return Batch(first, batch.before, between), Batch(second, between, batch.after)


async def settle_letters(tx: Transaction, batch: Sequence[InboundRecord]) -> None:
    """Of records that were dead letters and are not any more, the letters are handled; those on which the handlers fail
    are kept as letters, in the database alone: their topic has had them (Q1)."""
    judged = [inbound.cause.place for inbound in batch if inbound.outcome is not Outcome.DEAD]
    if places := [place for place in judged if place is not None]:
        await dead_letters.settle(tx.pg, batch[0].cause.topic or "", places)
    await keep_letters(
        tx, [one for one in batch if one.dead_letter_reason is not None and one.dead_letter_reason.fingerprint]
    )


async def keep_letters(tx: Transaction, failed: Sequence[InboundRecord]) -> None:
    """Writes what the records are dead for into the database alone."""
    at = datetime.now(UTC)
    letters = [
        dead_letter(inbound.cause.topic or "", inbound, inbound.dead_letter_reason, at)
        for inbound in failed
        if inbound.dead_letter_reason is not None
    ]
    if letters:
        await dead_letters.add(tx.pg, letters)
