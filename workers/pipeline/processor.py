"""A batch of one input topic: read, decide, save, in one PostgreSQL transaction (architecture.md, Saving).

1-fence     the directory's lock (day and units), then the offsets of the batch's partitions move on; where another
            process owns one of them, the batch is dropped
2-inbox     commands only (`pipeline/commands.py`): their ids are remembered, those known already are answered again
3-load      doctors, then patients, are loaded and locked in the order of their keys, as the decisions ask for them
4-decide    in offset order, on the world in memory
5-save      what changed, set-based, with the audit rows
6-outbox    every event gets the next sequence of its shard, last of all, and is written
7-commit    and only then: the relay is handed the events, and Kafka's group commit mirrors the offsets

A failpoint `batch:<number>-<word>` lies after each but the third, which is one with the fourth; `batch:6-copying` lies
within the sixth, where the database waits for the rest of the rows.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from time import monotonic, perf_counter
from typing import Any

from tenacity import AsyncRetrying, RetryCallState, wait_random_exponential

from handlers.decide import Handlers, deciding
from handlers.world.changes import Outcome
from infra import metrics
from infra.errors import explain, fingerprint, passing
from infra.logs import log
from infra.postgres.connection import raw
from infra.postgres.offsets import Fenced, Position, standing
from schemas.envelope import Record
from schemas.errors import DeadCode
from schemas.topics import dlq
from workers.pipeline.dead_letters import Guard, dead_letter
from workers.pipeline.inbound import Read, reading
from workers.pipeline.transaction import Advance, DayUnknown, Transaction, transact
from workers.runtime import Runtime

_STEPS = ("1-fence", "2-inbox", "4-decide", "5-save", "6-copying", "6-outbox", "7-commit")
FAILPOINTS = tuple(f"batch:{step}" for step in _STEPS)
_LOOK_FOR_THE_DAY_SECONDS = 0.1


class Leaving(Exception):
    """The partitions move to another process, which does what this one was only waiting to do."""


class Batches:
    """Handles the batches of one input topic (the contract's name), `in_flight` at a time, each of other partitions.

    While one waits for the database another is read and decided. `alone`: its facts change what every decision reads,
    so nothing else happens meanwhile.
    """

    #: whether records are handled before any day has begun (T3)
    before_the_first_day = False

    def __init__(
        self,
        topic: str,
        handlers: Handlers,
        parts: Runtime,
        *,
        alone: bool = False,
        in_flight: int = 1,
    ) -> None:
        self.topic = topic
        self.parts = parts
        self.positions: dict[int, Position] = {}
        #: when a partition was given up, on the monotonic clock, though the group did not take it back
        self.lost: dict[int, float] = {}
        #: the number of the assignment that holds; None while partitions go and come, until all have their positions
        self.assignment: int | None = 0
        self._in_flight = in_flight
        self._running: dict[asyncio.Task[None], frozenset[int]] = {}
        self._handlers = handlers
        self._alone = alone
        self._guard = Guard()
        metrics.begin(topic, map(str, Outcome))

    async def handle(self, records: Sequence[Record], taken_under: int | None = 0) -> None:
        """Every record ends in exactly one outcome; those of partitions that moved away are left to their new owner.

        `taken_under` is the assignment under which the records were taken from the consumer, see `holds`.
        Returns when another batch may begin, of partitions that are not `busy`. Raises BadRelease, and nothing that
        could pass by itself: that is waited for.
        """
        if not self.holds(taken_under):
            return
        batch = [reading(self.topic, record) for record in records]
        await self.run(self.apply(batch), frozenset(record.partition for record in records))

    def holds(self, taken_under: int | None) -> bool:
        """Whether what was taken under that assignment may be handled.

        Else it is left, also where its partition stayed: every partition is begun anew at its position afterwards, and
        it comes again. It must be left, for what came before it was: the offset would be moved past that.
        """
        return taken_under is not None and taken_under == self.assignment

    async def run(self, work: Coroutine[Any, Any, None], partitions: frozenset[int]) -> None:
        """Begins what handles records of the partitions, a rebalance waits for it from here on; returns when more may
        begin."""
        for partition in partitions:  # each is looked at by itself: others' progress must not hide that one hangs
            self.parts.health.progress(self.part(partition))
        self._running[asyncio.create_task(self._then_rest(work, partitions))] = partitions
        while len(self._running) >= self._in_flight:
            await self.settled()

    async def _then_rest(self, work: Coroutine[Any, Any, None], partitions: frozenset[int]) -> None:
        try:
            await work
        finally:
            for partition in partitions:
                self.parts.health.rests(self.part(partition))

    def part(self, partition: int) -> str:
        """What readiness calls a partition."""
        return f"{self.topic}/{partition}"

    @property
    def under_way(self) -> set[asyncio.Task[None]]:
        """The batches that are being handled right now, and those whose end nobody has looked at yet."""
        return set(self._running)

    @property
    def busy(self) -> frozenset[int]:
        """The partitions whose records are being handled right now."""
        return frozenset().union(*self._running.values())

    async def settled(self) -> None:
        """Returns when a batch that is under way has ended, at once where there is none; raises what it raised."""
        if not self._running:
            return
        ended, _ = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            self._running.pop(task, None)  # who waited for it as well may have been quicker
            task.result()

    async def drained(self) -> None:
        """Returns when no batch is under way any more."""
        while self._running:
            await self.settled()

    def _ours(self, batch: list[Read]) -> list[Read]:
        """Without what is handled already, and what is no longer ours to handle."""
        held = self.positions
        return [r for r in batch if (at := held.get(r.record.partition)) and r.record.offset >= at.next_offset]

    async def apply(self, batch: list[Read]) -> None:
        """Handles records of partitions that nothing else is handled of; returns when it is done."""
        batch = self._ours(batch)
        if not batch:
            return
        try:
            await self._until_it_passes(batch)
        except Leaving:
            for partition in reached(batch):
                self.positions.pop(partition, None)
        except Fenced:
            await self._look_where_we_stand(list(reached(batch)))
            await self.apply(batch)
        except Exception as error:
            if len(batch) > 1:
                await self._halves(batch)
                return
            if batch[0].dead is not None and batch[0].dead.code is DeadCode.HANDLER_FAILED:
                raise  # not even as a dead letter
            log.error("record failed", topic=self.topic, fingerprint=fingerprint(error).detail)
            self._guard.failed()
            batch[0].dead = fingerprint(error)
            batch[0].attempts += 1
            await self.apply(batch)

    async def _halves(self, batch: list[Read]) -> None:
        middle = len(batch) // 2
        await self.apply(batch[:middle])
        await self.apply(batch[middle:])

    async def _until_it_passes(self, batch: list[Read]) -> None:
        """Tries again, without end, what the database or the network only delays."""

        seen: Counter[type[BaseException]] = Counter()  # an outage before must not use up another error's attempts

        def may_pass(state: RetryCallState) -> bool:
            error = state.outcome.exception() if state.outcome else None
            if error is None:
                return False
            seen[type(error)] += 1
            return isinstance(error, DayUnknown) or passing(error, seen[type(error)])

        def waits(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            if isinstance(error, DayUnknown):
                return _LOOK_FOR_THE_DAY_SECONDS
            return wait_random_exponential(multiplier=0.05, max=5)(state)

        say = partial(self._say_why, min(reached(batch)))  # of one partition, that a long list need not be read
        async for attempt in AsyncRetrying(retry=may_pass, wait=waits, before_sleep=say, reraise=True):
            with attempt:
                if self.assignment is None:
                    raise Leaving
                await self.commit(batch)
        self._well(reached(batch))

    def _well(self, partitions: Iterable[int]) -> None:
        for partition in partitions:
            self.parts.health.report(self.part(partition), None)
            self.parts.health.progress(self.part(partition))

    def _say_why(self, partition: int, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if error is None or isinstance(error, DayUnknown):
            self.parts.health.report(self.part(partition), "waiting for the first day (T3)")
            return
        metrics.retries.labels(self.topic).inc()
        why = explain(error) or fingerprint(error).detail
        log.warning("waiting", topic=self.topic, why=why, attempt=state.attempt_number)
        self.parts.health.report(self.part(partition), why, after=10)

    async def commit(self, batch: list[Read]) -> None:
        """One transaction over the batch, and what is told once it stands."""
        started = perf_counter()
        to = reached(batch)
        await transact(
            self.parts,
            Advance(self.topic, self.positions, to),
            lambda tx: self._decide(tx, batch),
            alone=self._alone,
            without_day=self.before_the_first_day,
            single=len(batch) == 1,
        )
        self.advance(to)
        self._guard.handled(len(batch))
        self.tell(batch, perf_counter() - started)

    async def _decide(self, tx: Transaction, batch: list[Read]) -> None:
        """Steps 2 to 4."""
        await self.decide(tx, [read for read in batch if read.dead is None])
        self.bury(tx, batch)

    async def decide(self, tx: Transaction, readable: list[Read]) -> None:
        """Decides on them in this order, and says of each what came of it."""
        decision = deciding([(read.event, read.cause) for read in readable], self._handlers, tx.world)
        for read, outcome in zip(readable, await tx.drive(decision), strict=True):
            read.outcome = outcome

    def bury(self, tx: Transaction, batch: list[Read]) -> None:
        """What could not be read or handled goes to the DLQ, in the same transaction."""
        for read in batch:
            if read.dead is not None:
                read.outcome = Outcome.DEAD
                tx.events.append(
                    dead_letter(
                        self.topic,
                        read.record,
                        read.dead,
                        at=datetime.now(UTC),
                        attempts=read.attempts,
                        partitions=self.parts.events.partitions(dlq(self.topic)),
                    )
                )

    def advance(self, to: Mapping[int, int]) -> None:
        """The partitions stand there now."""
        for partition, offset in to.items():
            self.positions[partition] = self.positions[partition]._replace(next_offset=offset)

    def tell(self, batch: list[Read], seconds: float) -> None:
        """The one log line of a batch, and the counters (contract.md, Outcomes)."""
        outcomes = Counter(str(read.outcome) for read in batch if not read.ahead)
        begun = {read.record.partition: read.record.offset for read in reversed(batch)}
        for outcome, number in outcomes.items():
            metrics.records.labels(self.topic, outcome).inc(number)
        metrics.batch_seconds.labels(self.topic).observe(seconds)
        metrics.batch_records.labels(self.topic).observe(len(batch))
        log.info(
            "batch",
            topic=self.topic,
            offsets={p: f"{begun[p]}-{offset - 1}" for p, offset in sorted(reached(batch).items())},
            ms=round(seconds * 1000, 1),
            **outcomes,
        )

    async def _look_where_we_stand(self, partitions: list[int]) -> None:
        """After a fence that held: a commit whose answer was lost moved the offsets, or another process owns them."""
        async with self.parts.engine.connect() as connection:
            now = await standing(await raw(connection), self.topic, partitions)
        for partition in partitions:
            position, held = now.get(partition), self.positions.get(partition)
            if held is None:
                continue
            if position is None or position.epoch != held.epoch or position.next_offset < held.next_offset:
                # going on from an offset that went back would pass over what lies between
                log.warning("partition lost", topic=self.topic, partition=partition)
                del self.positions[partition]
                self.lost[partition] = monotonic()
            else:
                self.positions[partition] = position
                self._well([partition])


def reached(batch: Sequence[Read]) -> dict[int, int]:
    """The next offset of each partition once the batch is handled."""
    return {read.record.partition: read.record.offset + 1 for read in batch}
