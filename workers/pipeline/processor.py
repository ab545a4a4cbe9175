"""What happens to a batch whatever its topic: it is decoded, committed, retried while a failure is transient, and
halved until the record that cannot be handled stands alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from time import perf_counter
from typing import Any

from tenacity import AsyncRetrying, RetryCallState, wait_random_exponential

from handlers.world.changes import Outcome
from infra import metrics, timing
from infra.error_kinds import ErrorKind, is_transient, kind_of
from infra.errors import DayUnknown, DeadLetterLimitExceeded, Fenced, PartitionsRevoked
from infra.failures import failure_reason
from infra.foreign_errors import explain
from infra.logs import log
from infra.postgres import release_guards
from infra.postgres.connection import checkout
from infra.postgres.offsets import read_positions
from infra.version import version
from schemas.envelope import Record
from schemas.errors import DeadLetterCode
from workers.pipeline.assignment import Assignment
from workers.pipeline.inbound import InboundRecord, decode, next_offsets
from workers.pipeline.patience import Patience
from workers.pipeline.route import Route
from workers.runtime import Runtime


class BatchProcessor:
    """Processes the batches of one route; what it knows of partitions lies in the assignment it is given."""

    def __init__(self, route: Route, runtime: Runtime) -> None:
        self.route = route
        self.runtime = runtime
        metrics.begin(route.topic, map(str, Outcome))

    async def process(self, assignment: Assignment, records: Sequence[Record]) -> None:
        """Every record ends in exactly one outcome; those of partitions that moved away are left to their new owner.

        Returns when another batch may begin, of partitions that are not `busy`. Raises what is wrong with the
        installation, and nothing that is transient: that is waited for.
        """
        batch = [decode(self.route.topic, record) for record in records]
        await self.start(assignment, self._apply_in_turn(assignment, batch), {r.partition for r in records})

    def busy(self, assignment: Assignment) -> frozenset[int]:
        """The partitions of which no further record may come now."""
        return assignment.in_flight.partitions

    async def start(self, assignment: Assignment, work: Awaitable[None], partitions: Iterable[int]) -> None:
        """Puts the work on the partitions in flight, and has readiness watch each of them by itself: others' progress
        must not hide that one hangs."""
        components = [assignment.component(partition) for partition in partitions]
        for component in components:
            self.runtime.health.progress(component)
        await assignment.in_flight.start(self._watched(work, components), frozenset(partitions))

    async def _watched(self, work: Awaitable[None], components: Iterable[str]) -> None:
        try:
            await work
        finally:
            for component in components:
                self.runtime.health.idle(component)

    async def _apply_in_turn(self, assignment: Assignment, batch: list[InboundRecord]) -> None:
        size = self.route.batch_records or len(batch)
        for start in range(0, len(batch), size):
            await self.apply(assignment, batch[start : start + size])

    async def apply(self, assignment: Assignment, batch: list[InboundRecord]) -> None:
        """Handles records of partitions that nothing else is handled of; returns when it is done."""
        done = False
        while not done and (batch := assignment.unhandled(batch)):
            done = await self._attempt(assignment, batch)

    async def _attempt(self, assignment: Assignment, batch: list[InboundRecord]) -> bool:
        """Commits the batch, in halves where it fails as a whole; False where it is to be looked at anew."""
        try:
            try:
                await self._retry_transient(assignment, batch, self._commit)
            except Fenced:
                await self._retry_transient(assignment, batch, self._reread_positions)
                return False
        except PartitionsRevoked:
            for partition in next_offsets(batch):
                assignment.positions.pop(partition, None)
        except Exception as error:
            if kind_of(error) is ErrorKind.INSTALLATION:
                raise  # no record is at fault
            if len(batch) == 1 and isinstance(error, DeadLetterLimitExceeded):
                await self._guard(assignment, batch[0], str(error))
                return True
            if len(batch) == 1:
                return self._judge(assignment, batch[0], error)
            for half in _bisect(batch):
                await self.apply(assignment, half)
        return True

    def _judge(self, assignment: Assignment, inbound: InboundRecord, error: Exception) -> bool:
        """What becomes of a record that stands alone and fails; True where nothing more is to be tried."""
        if not _has_failed(inbound):
            self._condemn(inbound, error)
            return False
        if is_transient(error):  # the database does not even take a dead letter: the record was at no fault
            inbound.dead_letter_reason = decode(self.route.topic, inbound.record).dead_letter_reason
            return False
        self._stop(assignment, inbound, error)
        return True

    def _condemn(self, inbound: InboundRecord, error: Exception) -> None:
        """The record stands alone and fails: it is to be dead-lettered."""
        inbound.dead_letter_reason = failure_reason(error)
        inbound.attempts += 1
        place = {"partition": inbound.record.partition, "offset": inbound.record.offset}
        log.error("handler failed", topic=self.route.topic, **place, why=inbound.dead_letter_reason.detail)

    def _stop(self, assignment: Assignment, inbound: InboundRecord, error: Exception) -> None:
        """The partition stops at a record that is not even dead-lettered; all others go on."""
        partition, offset = inbound.record.partition, inbound.record.offset
        why = _stopped_at(offset, failure_reason(error).detail)
        assignment.stop(partition)
        self.runtime.health.report(assignment.component(partition), why)
        log.error("partition stopped", topic=self.route.topic, partition=partition, why=why)

    async def _guard(self, assignment: Assignment, inbound: InboundRecord, why: str) -> None:
        """The partition stops at a record that one too many like it came before, and the database remembers it: else a
        restart would try again. Others go on."""
        partition = inbound.record.partition
        why = _stopped_at(inbound.record.offset, why)

        async def remember(*_: Any) -> None:
            async with checkout(self.runtime.engine) as pg:
                await release_guards.stop(pg, self.route.topic, version(), partition, why)

        assignment.stop(partition)
        with suppress(PartitionsRevoked):  # who has it next counts one too many as well
            await self._retry_transient(assignment, [inbound], remember)
            assignment.guarded.add(partition)
        self.runtime.health.report(assignment.component(partition), why)
        log.error("partition stopped", topic=self.route.topic, partition=partition, why=why)

    async def _retry_transient(
        self,
        assignment: Assignment,
        batch: list[InboundRecord],
        work: Callable[[Assignment, list[InboundRecord]], Awaitable[None]],
    ) -> None:
        """Tries again, without end, what the database or the network only delays."""
        patience = Patience(single=len(batch) == 1)

        def retries(state: RetryCallState) -> bool:
            error = _error(state)
            return error is not None and (isinstance(error, DayUnknown) or patience.lasts(error))

        def waits(state: RetryCallState) -> float:
            if isinstance(_error(state), DayUnknown):
                return timing.FIRST_DAY_POLL_SECONDS
            return wait_random_exponential(*timing.BATCH_RETRY)(state)

        partition = min(next_offsets(batch))  # readiness names one of them, that a long list need not be read
        report = partial(self._report_retry, assignment, partition)
        async for attempt in AsyncRetrying(retry=retries, wait=waits, before_sleep=report, reraise=True):
            with attempt:
                assignment.require()
                await work(assignment, batch)
        if patience.saw_outage:
            log.info("reachable again", component=assignment.component(partition))
        self._mark_healthy(assignment, next_offsets(batch))

    async def _commit(self, assignment: Assignment, batch: list[InboundRecord]) -> None:
        started = perf_counter()
        await self.route.commit(self.route, self.runtime, assignment, batch)
        assignment.advance(next_offsets(batch))
        self.log_batch(batch, perf_counter() - started)

    def _mark_healthy(self, assignment: Assignment, partitions: Iterable[int]) -> None:
        for partition in assignment.positions.keys() & set(partitions):  # what stopped one stays told
            self.runtime.health.report(assignment.component(partition), None)
            self.runtime.health.progress(assignment.component(partition))

    def _report_retry(self, assignment: Assignment, partition: int, state: RetryCallState) -> None:
        component, error = assignment.component(partition), _error(state)
        if error is None or isinstance(error, DayUnknown):
            self.runtime.health.report(component, "waiting for the first day (T3)")
            return
        metrics.retries.labels(self.route.topic).inc()
        why = explain(error) or failure_reason(error).detail
        attempt = state.attempt_number
        log.warning("retrying batch", topic=self.route.topic, partition=partition, why=why, attempt=attempt)
        self.runtime.health.report(component, why, after=timing.BATCH_UNHEALTHY_AFTER_SECONDS)

    def log_batch(self, batch: list[InboundRecord], seconds: float) -> None:
        """The one log line of a batch, a line for each dead letter, and the counters (contract.md, Outcomes)."""
        topic = self.route.topic
        outcomes = Counter(str(inbound.outcome) for inbound in batch if not inbound.processed_out_of_order)
        first = {inbound.record.partition: inbound.record.offset for inbound in reversed(batch)}
        for outcome, number in outcomes.items():
            metrics.records.labels(topic, outcome).inc(number)
        metrics.batch_seconds.labels(topic).observe(seconds)
        metrics.batch_records.labels(topic).observe(len(batch))
        log.info(
            "batch",
            topic=topic,
            offsets={p: f"{first[p]}-{offset - 1}" for p, offset in sorted(next_offsets(batch).items())},
            ms=round(seconds * 1000, 1),
            **outcomes,
        )
        for inbound in batch:
            if inbound.dead_letter_reason is not None:
                reason = inbound.dead_letter_reason
                place = {"partition": inbound.record.partition, "offset": inbound.record.offset}
                log.warning("dead letter", topic=topic, **place, code=str(reason.code), detail=reason.detail)

    async def _reread_positions(self, assignment: Assignment, batch: list[InboundRecord]) -> None:
        """After a fence that held: a commit whose answer was lost moved the offsets, or another process owns them."""
        partitions = list(next_offsets(batch))
        async with checkout(self.runtime.engine) as pg:
            stored = await read_positions(pg, self.route.topic, partitions)
        for partition in partitions:
            position, current = stored.get(partition), assignment.positions.get(partition)
            if current is None:
                continue
            if position is None or position.epoch != current.epoch or position.next_offset < current.next_offset:
                # Going on from an offset that went back would pass over what lies between.
                log.warning("partition fenced", topic=self.route.topic, partition=partition)
                assignment.fence(partition)
            else:
                assignment.positions[partition] = position


def _stopped_at(offset: int, why: str) -> str:
    return f"stopped at offset {offset}: {why}; see docs/operating.md, 'A release fails on records'"


def _bisect(batch: list[InboundRecord]) -> Iterator[list[InboundRecord]]:
    middle = len(batch) // 2
    yield batch[:middle]
    yield batch[middle:]


def _has_failed(inbound: InboundRecord) -> bool:
    reason = inbound.dead_letter_reason
    return reason is not None and reason.code is DeadLetterCode.HANDLER_FAILED


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
