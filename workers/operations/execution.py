"""A run in earnest: its records are judged in transactions of the service's own kind, with its locks, and the run's
position moves in each of them (O4), so it can be killed anywhere and go on where it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import asyncpg
from tenacity import AsyncRetrying, RetryCallState, wait_random_exponential

from handlers.world import Needs
from handlers.world.changes import Outcome, Place
from infra import timing
from infra.errors import AlreadyJudged, PlanDiffers, RunStopped
from infra.failures import failure_reason
from infra.foreign_errors import explain
from infra.outbox_event import OutboxEvent
from infra.postgres import plans, runs
from infra.postgres.connection import checkout
from infra.postgres.runs import Run
from infra.provenance import Provenance
from workers.operations.judging import Attend, Decide, settle_letters
from workers.operations.planning import decisions, differing
from workers.operations.ranges import Batch
from workers.operations.tally import Tally
from workers.pipeline.inbound import InboundRecord, decodable
from workers.pipeline.patience import Patience
from workers.pipeline.route import Route
from workers.pipeline.transaction import Transaction, in_lock_order, transaction
from workers.runtime import Runtime


@dataclass(slots=True)
class _Fence:
    """The fence of a run's batch: nobody else judges it, and with it the run moves on."""

    run: Run
    batch: Batch
    tally: Tally
    sequences: dict[int, int]

    async def enter(self, pg: asyncpg.Connection) -> None:
        """Raises RunStopped, or AlreadyJudged where the batch was committed though nobody was told."""
        await runs.lock(pg, self.run.id, self.run.epoch)
        position = await runs.lock_position(pg, self.run.id, self.batch.before.partition)
        if position >= self.batch.after.next_offset and position > self.batch.before.next_offset:
            raise AlreadyJudged
        if position != self.batch.before.next_offset:
            raise RunStopped(None)

    async def leave(self, tx: Transaction, appended: Sequence[OutboxEvent]) -> None:
        """The position and what came of the records so far."""
        self.tally.add(self.batch.records, tx.world.changes.records)
        for event in appended:
            self.sequences[event.shard] = max(event.seq, self.sequences.get(event.shard, 0))
        await runs.save(
            tx.pg, self.run.id, self.batch.after, self.tally.totals(self.sequences), timing.RUN_LEASE_SECONDS
        )


class Execution:
    """Judges the batches of a run that this process has taken. `waits` is told why it waits, None when it goes on."""

    def __init__(
        self,
        runtime: Runtime,
        route: Route,
        run: Run,
        decide: Decide,
        waits: Callable[[str | None], None],
        *,
        claim: Attend | None = None,
        settle: Attend = settle_letters,
        planned: bool = False,
    ) -> None:
        """`claim`: takes records out of a batch that somebody else has had meanwhile; `settle`: what is written beside
        what was decided. `planned`: only what is decided as the run's plan says is done (R7)."""
        self._runtime = of_run(runtime, run)
        self._route = route
        self._run = run
        self._decide = decide
        self._claim = claim
        self._settle = settle
        self._planned = planned
        self._waits = waits
        self.tally = Tally.of(run.totals)
        self.sequences = dict(run.totals.sequences)

    async def judge(self, batch: Batch) -> None:
        """Waits out what is transient. Raises RunStopped, and what the handlers raise."""
        patience = Patience(single=len(batch.records) == 1)

        def report(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            self._waits((error and (explain(error) or failure_reason(error).detail)) or "unknown")

        async for attempt in AsyncRetrying(
            retry=lambda state: state.outcome is not None and _lasts(patience, state.outcome.exception()),
            wait=wait_random_exponential(*timing.BATCH_RETRY),
            before_sleep=report,
            reraise=True,
        ):
            with attempt:
                await self._as_planned(batch)
        self._waits(None)

    async def _as_planned(self, batch: Batch) -> None:
        """Without the records on which something else is decided than was planned; leaving those out may change what
        comes of others."""
        left_out: set[Place] = set()
        while True:
            with suppress(PlanDiffers):
                await in_lock_order(lambda load_first: self._commit(batch, load_first, left_out))
                return

    async def _commit(self, batch: Batch, load_first: Needs, left_out: set[Place]) -> None:
        fence = _Fence(self._run, batch, self.tally.copy(), dict(self.sequences))
        try:
            async with transaction(
                self._runtime, fence, load_first, exclusive=self._route.exclusive, single=len(batch.records) == 1
            ) as tx:
                records = await self._ours(tx, batch.records, left_out)
                if understood := decodable(records):
                    await self._decide(tx, understood)
                if records:
                    await self._settle(tx, records)
                if self._planned:
                    await self._require_plan(tx, records, left_out)
        except AlreadyJudged:
            await self._reread()
        else:
            self.tally, self.sequences = fence.tally, fence.sequences

    async def _ours(self, tx: Transaction, records: list[InboundRecord], left_out: set[Place]) -> list[InboundRecord]:
        if self._claim is not None and records:
            await self._claim(tx, records)
        for inbound in records:
            if inbound.cause.place in left_out:
                inbound.outcome = Outcome.SKIPPED
        return [inbound for inbound in records if inbound.outcome is not Outcome.SKIPPED]

    async def _require_plan(self, tx: Transaction, records: list[InboundRecord], left_out: set[Place]) -> None:
        """Raises PlanDiffers, and adds to those left out."""
        places = [inbound.cause.place for inbound in records if inbound.cause.place is not None]
        planned = await plans.read(tx.pg, self._run.id, places)
        others = differing(records, decisions(records, tx.world.changes.records), planned)
        if others:
            left_out |= others
            raise PlanDiffers
        if left_out:
            await plans.mark_differing(tx.pg, self._run.id, left_out)

    async def _reread(self) -> None:
        found = await read_run(self._runtime, self._run.id)
        self.tally, self.sequences = Tally.of(found.totals), dict(found.totals.sequences)


def of_run(runtime: Runtime, run: Run) -> Runtime:
    """The runtime of the run's transactions: all that they cause carries where it comes from (O6)."""
    provenance = Provenance(run.id, run.actor, run.reason)
    return replace(runtime, events=runtime.events.of_run(run.id), provenance=provenance)


async def read_run(runtime: Runtime, id: str) -> Run:
    """The run as it stands. Raises what the database raises."""
    async with checkout(runtime.engine) as pg:
        found = await runs.read(pg, id)
    assert found is not None, "runs are never deleted while they run"
    return found[0]


def _lasts(patience: Patience, error: BaseException | None) -> bool:
    return error is not None and patience.lasts(error)
