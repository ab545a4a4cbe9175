"""A batch of facts: KiV's and vårdval's, each in its order, all in one transaction."""

from __future__ import annotations

from handlers.world import Needs
from workers.pipeline.assignment import Assignment
from workers.pipeline.dead_letters import add_dead_letters
from workers.pipeline.inbound import InboundRecord, decodable
from workers.pipeline.outcomes import note_outcomes
from workers.pipeline.route import Route
from workers.pipeline.transaction import Advance, in_lock_order, transaction
from workers.runtime import Runtime


async def commit(route: Route, runtime: Runtime, assignment: Assignment, batch: list[InboundRecord]) -> None:
    """One transaction over the batch."""
    fence = Advance.past(route.topic, assignment.positions, batch, runtime.keys)

    async def attempt(load_first: Needs) -> None:
        async with transaction(runtime, fence, load_first, exclusive=route.exclusive, single=len(batch) == 1) as tx:
            await tx.decide(decodable(batch), route.handlers, route.known_upfront)
            await note_outcomes(tx, route.topic, batch)
            await add_dead_letters(tx, route.topic, batch, runtime)

    await in_lock_order(attempt)
