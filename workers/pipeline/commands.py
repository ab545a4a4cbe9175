"""A batch of commands: what vårdcentraler ask for, each answered exactly once, with the same reply whenever it comes
again (C2).

A file of 22 000 rows is judged in one transaction, which takes a second. Commands that lie behind it in its partition
are processed out of order, in transactions of their own, unless they are of the same unit (record 0025).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from operator import not_

import asyncpg

from handlers.world import Needs
from handlers.world.changes import Outcome, ReplyResent
from infra.failpoints import hit
from infra.outbox_event import OutboxEvent
from infra.postgres import offsets
from infra.postgres.inbox import remember
from infra.postgres.offsets import Position
from workers.pipeline.assignment import Assignment
from workers.pipeline.dead_letters import add_dead_letters
from workers.pipeline.inbound import InboundRecord, decodable, next_offsets
from workers.pipeline.outcomes import note_outcomes
from workers.pipeline.route import Route
from workers.pipeline.transaction import Advance, Transaction, in_lock_order, transaction
from workers.runtime import Runtime


@dataclass(slots=True, frozen=True)
class OutOfOrder:
    """The fence of records that are processed before their turn: their partition does not move on."""

    topic: str
    position: Position
    batch: Sequence[InboundRecord]

    async def enter(self, pg: asyncpg.Connection) -> None:
        """Marks them, and notes those that were marked already. Raises Fenced where the partition is no longer ours."""
        by_offset = {inbound.record.offset: inbound for inbound in self.batch}
        partition = self.batch[0].record.partition
        new = await offsets.mark_processed_ahead(pg, self.topic, partition, self.position, list(by_offset))
        for offset, inbound in by_offset.items():
            inbound.processed_out_of_order = offset not in new

    async def leave(self, tx: Transaction, appended: Sequence[OutboxEvent]) -> None:
        """Nothing: the marks are written at once."""


async def commit(route: Route, runtime: Runtime, assignment: Assignment, batch: list[InboundRecord]) -> None:
    """One transaction over the batch, without those that were processed out of order."""
    to = next_offsets(batch)
    fence = Advance.past(route.topic, assignment.positions, batch, runtime.keys)

    async def attempt(load_first: Needs) -> None:
        async with transaction(runtime, fence, load_first, single=len(batch) == 1) as tx:
            if any(inbound.must_wait_its_turn for inbound in batch):
                # The attempt out of order may still be committing, its answer lost.
                await offsets.lock_owner(tx.pg, route.topic, to)
            out_of_order = await offsets.take_processed_ahead(tx.pg, route.topic, to)
            for inbound in batch:
                inbound.processed_out_of_order = (inbound.record.partition, inbound.record.offset) in out_of_order
            await _decide(tx, route, decodable(batch))
            await add_dead_letters(tx, route.topic, batch, runtime)

    await in_lock_order(attempt)


async def commit_out_of_order(
    route: Route, runtime: Runtime, position: Position, batch: Sequence[InboundRecord]
) -> None:
    """One transaction over records of one partition before their turn."""
    fence = OutOfOrder(route.topic, position, batch)

    async def attempt(load_first: Needs) -> None:
        async with transaction(runtime, fence, load_first) as tx:
            await _decide(tx, route, batch)

    await in_lock_order(attempt)


async def _decide(tx: Transaction, route: Route, batch: Sequence[InboundRecord]) -> None:
    """Commands of a known id are answered with the stored reply, the others decided."""
    due = [inbound for inbound in batch if not inbound.processed_out_of_order]
    new = await remember(tx.pg, [(inbound.cause.source, inbound.cause.id) for inbound in due])
    hit("batch:2-inbox")
    await tx.decide(list(compress(due, new)), route.handlers, route.known_upfront)
    await note_outcomes(tx, route.topic, compress(due, new))
    for inbound in compress(due, map(not_, new)):
        inbound.outcome = Outcome.REPEATED
        tx.world.changes.record(ReplyResent(inbound.cause.source, inbound.cause.id))
