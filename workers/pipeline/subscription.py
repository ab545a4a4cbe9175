"""FastStream's part: one batch subscriber per input topic, and what happens when partitions are assigned and revoked.

FastStream brings the consume loop and its lifespan. Every default of it that loses data is switched off here: it never
acknowledges (offsets live in the database), never parses (headers may hold any bytes), and its handler never raises
(exceptions in a batch handler would be swallowed): what cannot be handled ends the process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any

from aiokafka import ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.message import FAKE_CONSUMER
from tenacity import AsyncRetrying, retry_if_exception, wait_random_exponential

from infra import timing
from infra.error_kinds import is_transient
from infra.errors import PartitionUnreadable, WrongTopics
from infra.kafka.consumer import FETCH_BYTES, PARTITION_FETCH_BYTES, Consumer, Records
from infra.logs import log
from schemas.topics import TOPICS
from workers.pipeline.assignment import Assignment
from workers.pipeline.continuity import deleted, goes_on, not_the_same
from workers.pipeline.fetch_trouble import FetchTrouble
from workers.pipeline.idle_offsets import GroupMirror, pass_markers
from workers.pipeline.in_flight import InFlight
from workers.pipeline.route import Processor
from workers.pipeline.takeover import Takeover, check_topic, is_lifted, stopped, take_over

_COMPACTED = frozenset(topic.name for topic in TOPICS if topic.cleanup == "compact")
_NOT_ASSIGNED = "no partitions assigned yet"


class Subscription(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    """One consumer of the group `<GROUP_ID>.<worker>`, and the assignment that it has right now."""

    def __init__(
        self,
        worker: str,
        processor: Processor,
        on_failure: Callable[[BaseException], None],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """`on_failure` is told of what must end the process. `clock`: in seconds, from anywhere."""
        self.worker = worker
        self.route = processor.route
        self.assignment: Assignment | None = None
        self._fetched_under: Assignment | None = None
        self._processor = processor
        self._runtime = processor.runtime
        self._settings = processor.runtime.settings
        self._on_failure = on_failure
        self._clock = clock
        self._topic = self._settings.topic(self.route.topic)
        self._compacted = self.route.topic in _COMPACTED
        self._subscriber: Any = None
        self._generation = 0
        self._assigned = asyncio.Event()
        self._turn = asyncio.Lock()
        self._trouble = FetchTrouble(self.route.topic, self._runtime.health, clock)

    def register(self, broker: KafkaBroker) -> None:
        """Adds the subscriber to the broker; it runs when the broker is started."""
        settings = self._settings
        self._runtime.health.report(self.route.topic, _NOT_ASSIGNED)
        self._subscriber = broker.subscriber(
            self._topic,
            batch=True,
            max_records=settings.batch_records,
            batch_timeout_ms=settings.batch_wait_ms,
            group_id=f"{settings.group_id}.{self.worker}",
            group_instance_id=settings.instance_id and f"{settings.instance_id}.{self.worker}",
            auto_offset_reset="none",
            max_partition_fetch_bytes=PARTITION_FETCH_BYTES,
            fetch_max_bytes=FETCH_BYTES,
            isolation_level="read_committed",
            max_poll_interval_ms=timing.ms(timing.GROUP_POLL_SECONDS),
            session_timeout_ms=timing.ms(timing.GROUP_SESSION_SECONDS),
            heartbeat_interval_ms=timing.ms(timing.GROUP_HEARTBEAT_SECONDS),
            rebalance_timeout_ms=timing.ms(timing.GROUP_REBALANCE_SECONDS),
            ack_policy=AckPolicy.MANUAL,
            parser=_pass_through,
            decoder=_records,
            listener=self,
            no_reply=True,
        )
        self._subscriber(self._handle)

    async def _handle(self, records: tuple[ConsumerRecord, ...]) -> None:
        assignment = self._fetched_under
        if assignment is not None and assignment is self.assignment:
            await self.or_end(self._process(assignment, records))  # whatever it raises, FastStream would swallow it

    async def _process(self, assignment: Assignment, records: tuple[ConsumerRecord, ...]) -> None:
        fresh = self._goes_on(assignment, records) if assignment.last_records else records
        if fresh:
            await self._processor.process(assignment, fresh)

    async def wait_assigned(self, seconds: float) -> Assignment | None:
        """Waits for an assignment, so long; None where there is none then."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._assigned.wait()
        return self.assignment

    def busy(self) -> frozenset[int]:
        """The partitions of which no further record may come now."""
        if self.assignment is None:
            return frozenset()
        return self._processor.busy(self.assignment) | self.assignment.stopped

    async def or_end(self, work: Awaitable[None]) -> None:
        """Has the process end where the work fails, and does not return then."""
        try:
            await work
        except BaseException as error:
            self._on_failure(error)
            if isinstance(error, Exception):
                await asyncio.Event().wait()  # no further batch: the process ends
            raise

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Waits for the batches in flight; one that only waits itself is given up."""
        async with self._turn:
            await self._give_up(revoked)

    async def _give_up(self, revoked: Iterable[TopicPartition]) -> None:
        assignment, self.assignment = self.assignment, None
        self._assigned.clear()
        health = self._runtime.health
        if assignment is not None:
            assignment.revoked = True
            await self.or_end(assignment.in_flight.drained())
            for tp in revoked:
                health.forget(assignment.component(tp.partition))
                health.forget(assignment.reading(tp.partition))
        health.report(self.route.topic, _NOT_ASSIGNED, after=timing.GROUP_UNHEALTHY_AFTER_SECONDS)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Raises the epochs, so that whoever had the partitions is fenced, and goes on where the database says."""
        try:
            async with self._turn:
                await self._take_over(sorted(assigned))
        except BaseException as error:
            self._on_failure(error)
            raise

    async def _go_on_if_lifted(self, assignment: Assignment) -> None:
        """Begins the partitions anew, as after a rebalance, once the release's guard was lifted from one of them."""
        if not assignment.guarded or not await is_lifted(self._runtime, self.route.topic, assignment.guarded):
            return
        async with self._turn:
            if assignment is self.assignment:
                parts = [self._tp(partition) for partition in sorted(assignment.partitions)]
                await self._give_up(parts)
                self._subscriber.consumer.resume(*parts)
                await self._take_over(parts)
                log.info("guard lifted", topic=self.route.topic, partitions=sorted(assignment.guarded))

    async def _take_over(self, assigned: list[TopicPartition]) -> None:
        consumer: Consumer = self._subscriber.consumer
        retrying = AsyncRetrying(
            retry=retry_if_exception(is_transient),
            wait=wait_random_exponential(*timing.ASSIGN_RETRY),
            reraise=True,
        )
        takeover: Takeover = await retrying(take_over, self._runtime, consumer, self.route.topic, assigned)
        self._generation += 1
        assignment = Assignment(
            self.route.topic,
            self._generation,
            takeover.positions,
            InFlight(self.route.in_flight),
            untaken=takeover.begins,
            last_records=takeover.last_records,
            clock=self._clock,
        )
        for partition, offset in takeover.begins.items():
            consumer.seek(self._tp(partition), offset)
        for partition, why in (takeover.stopped | takeover.guarded).items():
            consumer.seek(self._tp(partition), 0)  # aiokafka reads nothing of a topic before all have a position
            self._stop(assignment, partition, why)
        assignment.guarded |= takeover.guarded.keys()
        self.assignment = assignment
        self._assigned.set()
        self._runtime.health.report(self.route.topic, None)

    def _tp(self, partition: int) -> TopicPartition:
        return TopicPartition(self._topic, partition)

    def _stop(self, assignment: Assignment, partition: int, why: str) -> None:
        """The partition stops loudly: only an operator can say what becomes of records that were never handled."""
        assignment.stop(partition)
        self._subscriber.consumer.pause(self._tp(partition))
        self._runtime.health.report(assignment.component(partition), why)
        log.error("partition stopped", topic=self.route.topic, partition=partition, why=why)

    def _goes_on(self, assignment: Assignment, records: Sequence[ConsumerRecord]) -> list[ConsumerRecord]:
        """The records without those that were read once more to be held against what was handled, and without those of
        partitions whose logs are others; they stop."""
        first = {record.partition: record for record in reversed(records)}
        for partition in assignment.last_records.keys() & first.keys():
            last = assignment.last_records.pop(partition)
            if not goes_on(first[partition], last, self._runtime.keys, compacted=self._compacted):
                self._stop(assignment, partition, stopped(not_the_same(last.offset)))
        positions = assignment.positions
        return [r for r in records if (at := positions.get(r.partition)) and r.offset >= at.next_offset]

    def on_offsets_out_of_range(self, offsets: dict[TopicPartition, int]) -> None:
        """Retention has removed what was to be read next; where that was handled before, nothing is missing."""
        assignment = self.assignment
        if assignment is None:
            return
        for tp, offset in offsets.items():
            position = assignment.positions.get(tp.partition)
            if position is not None and offset < position.next_offset:
                assignment.last_records.pop(tp.partition, None)
                self._subscriber.consumer.seek(tp, position.next_offset)
            else:
                self._stop(assignment, tp.partition, stopped(deleted(offset)))

    async def on_fetch_error(self, error: Exception) -> None:
        """Says so. Every partition begins anew behind what was taken of it: aiokafka moves on past what it has of one,
        also where another one then makes the call fail. That one waits by itself, where it is known."""
        assignment = self.assignment
        if assignment is not None:
            for partition in assignment.positions:
                self._subscriber.consumer.seek(self._tp(partition), assignment.untaken[partition])
            if isinstance(error, PartitionUnreadable):
                self._subscriber.consumer.pause(self._tp(error.partition))
                self._trouble.set_aside(assignment, error)
                return
        self._trouble.begin(error)
        await asyncio.sleep(timing.FETCH_RETRY_SECONDS)

    def on_records_taken(self, records: Records, reached: dict[TopicPartition, int]) -> None:
        """Remembers under which assignment the records were fetched that come next, and how far that was."""
        self._fetched_under = assignment = self.assignment
        if assignment is None:
            return
        taken = {tp.partition: some[-1].offset + 1 for tp, some in records.items()}
        assignment.take(taken, {tp.partition: offset for tp, offset in reached.items()})
        self._trouble.read_again(assignment)

    def on_fetch_ok(self) -> None:
        """Clears the fetch error after a while without one."""
        self._trouble.end()

    async def maintain(self) -> None:
        """For ever: looks whether this is still the topic it was, moves offsets past markers, tries again what could
        not be read, and mirrors the offsets to Kafka's group, for lag tools, where they decide nothing.

        Raises PartitionFenced when a partition has been fenced for so long that no rebalance can be on its way, and
        WrongCluster and SettingsError.
        """
        mirror = GroupMirror(self._topic)
        checked_at = self._clock()
        while True:
            await asyncio.sleep(timing.GROUP_MIRROR_SECONDS)
            assignment, consumer = self.assignment, self._subscriber.consumer
            if assignment is None or consumer is None:
                continue
            assignment.require_not_fenced_for_long()
            if self._clock() > checked_at + timing.IDENTITY_SECONDS:
                checked_at = self._clock()
                await self._check_identity(assignment)
                continue
            for partition in self._trouble.due(assignment):
                consumer.resume(self._tp(partition))
            await pass_markers(self._runtime, assignment)
            await mirror.update(consumer, assignment)

    async def _check_identity(self, assignment: Assignment) -> None:
        """A topic that is deleted and made anew may come without a rebalance, or with one that leaves it without
        partitions."""
        try:
            await check_topic(self._runtime, self._subscriber.consumer, self.route.topic)
            await self._go_on_if_lifted(assignment)
        except WrongTopics as error:
            if assignment is self.assignment:
                self._runtime.health.report(self.route.topic, str(error))
                for partition in list(assignment.positions):
                    self._stop(assignment, partition, f"stopped: {error}")
        except Exception as error:
            if not is_transient(error):
                raise


async def _pass_through(message: tuple[ConsumerRecord, ...]) -> KafkaMessage:
    return KafkaMessage(body=b"", raw_message=message, consumer=FAKE_CONSUMER)


async def _records(message: KafkaMessage) -> Any:
    return message.raw_message
