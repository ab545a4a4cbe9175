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
from typing import Any, Protocol

from aiokafka import ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.message import FAKE_CONSUMER
from tenacity import AsyncRetrying, retry_if_exception, wait_random_exponential

from infra import timing
from infra.error_kinds import is_transient
from infra.errors import PartitionFenced
from infra.failures import failure_reason
from infra.foreign_errors import explain
from infra.kafka.consumer import Consumer
from infra.logs import log
from infra.postgres.connection import raw
from infra.postgres.offsets import take_ownership
from schemas.envelope import Record
from workers.pipeline.assignment import Assignment
from workers.pipeline.in_flight import InFlight
from workers.pipeline.route import Route
from workers.runtime import Runtime

_NOT_ASSIGNED = "no partitions assigned yet"


class Processor(Protocol):
    """What handles the records of a subscription."""

    route: Route
    runtime: Runtime

    async def process(self, assignment: Assignment, records: Sequence[Record]) -> None:
        """Begins to handle them; returns when more may come."""

    def busy(self, assignment: Assignment) -> frozenset[int]:
        """The partitions of which no further record may come now."""


class Subscription(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    """One consumer of the group `<GROUP_ID>.<worker>`, and the assignment that it has right now."""

    def __init__(self, worker: str, processor: Processor, on_failure: Callable[[BaseException], None]) -> None:
        """`on_failure` is told of what must end the process."""
        self.worker = worker
        self.route = processor.route
        self.assignment: Assignment | None = None
        self._fetched_under: Assignment | None = None
        self._processor = processor
        self._runtime = processor.runtime
        self._settings = processor.runtime.settings
        self._on_failure = on_failure
        self._topic = self._settings.topic(self.route.topic)
        self._subscriber: Any = None
        self._generation = 0
        self._assigned = asyncio.Event()
        self._reading = f"{self.route.topic}/reading"
        self._fetch_failed_at: float | None = None

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
            await self.or_end(self._processor.process(assignment, records))

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
        assignment, self.assignment = self.assignment, None
        self._assigned.clear()
        health = self._runtime.health
        if assignment is not None:
            assignment.revoked = True
            await self.or_end(assignment.in_flight.drained())
            for tp in revoked:
                health.forget(assignment.component(tp.partition))
        health.report(self.route.topic, _NOT_ASSIGNED, after=timing.GROUP_UNHEALTHY_AFTER_SECONDS)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Raises the epochs, so that whoever had the partitions is fenced, and goes on where the database says."""
        try:
            await self._take_over(sorted(assigned))
        except BaseException as error:
            self._on_failure(error)
            raise

    async def _take_over(self, assigned: list[TopicPartition]) -> None:
        consumer: Consumer = self._subscriber.consumer
        retrying = AsyncRetrying(
            retry=retry_if_exception(is_transient),
            wait=wait_random_exponential(*timing.ASSIGN_RETRY),
        )
        async for attempt in retrying:
            with attempt:
                earliest = await consumer.beginning_offsets(assigned) if assigned else {}
                ends = await consumer.end_offsets(assigned) if assigned else {}
                async with self._runtime.engine.connect() as connection:
                    pg = await raw(connection)
                    by_partition = {tp.partition: offset for tp, offset in earliest.items()}
                    positions = await take_ownership(pg, self.route.topic, by_partition)
        self._generation += 1
        assignment = Assignment(self.route.topic, self._generation, {}, InFlight(self.route.in_flight))
        for tp in assigned:
            position = positions[tp.partition]
            if earliest[tp] <= position.next_offset <= ends[tp]:
                assignment.positions[tp.partition] = position
                consumer.seek(tp, position.next_offset)
            else:
                consumer.seek(tp, ends[tp])
                self._stop(assignment, tp, position.next_offset)
        self.assignment = assignment
        self._assigned.set()
        self._runtime.health.report(self.route.topic, None)

    def on_offsets_out_of_range(self, offsets: dict[TopicPartition, int]) -> None:
        """Retention has removed what was to be handled next."""
        if self.assignment is not None:
            for tp, offset in offsets.items():
                self._stop(self.assignment, tp, offset)

    def _stop(self, assignment: Assignment, tp: TopicPartition, offset: int) -> None:
        """The partition stops loudly: records never handled are gone, and only an operator can say what then."""
        assignment.positions.pop(tp.partition, None)
        self._subscriber.consumer.pause(tp)
        why = (
            f"stopped: the next offset ({offset}) was deleted from the topic;"
            " see docs/operating.md, 'A partition has stopped'"
        )
        self._runtime.health.report(assignment.component(tp.partition), why)
        log.error("partition stopped", topic=self.route.topic, partition=tp.partition, why=why)

    async def on_fetch_error(self, error: Exception) -> None:
        """Says so, and has every partition begin anew: aiokafka moves on past what it took of one partition, also where
        another one then makes the call fail."""
        why = explain(error) or failure_reason(error).detail
        log.error("fetch failed", topic=self.route.topic, why=why)
        self._runtime.health.report(self._reading, why, after=timing.FETCH_UNHEALTHY_AFTER_SECONDS)
        self._fetch_failed_at = monotonic()
        await asyncio.sleep(timing.FETCH_RETRY_SECONDS)
        if self.assignment is not None:
            await self.or_end(self.assignment.in_flight.drained())
        if self.assignment is not None:  # a rebalance may have come meanwhile
            for partition, position in self.assignment.positions.items():
                self._subscriber.consumer.seek(TopicPartition(self._topic, partition), position.next_offset)

    def on_records_taken(self) -> None:
        """Remembers under which assignment the records were fetched that come next."""
        self._fetched_under = self.assignment

    def on_fetch_ok(self) -> None:
        """Clears the fetch error after a while without one."""
        failed_at = self._fetch_failed_at
        if failed_at is not None and monotonic() > failed_at + timing.FETCH_HEALTHY_AFTER_SECONDS:
            self._fetch_failed_at = None
            self._runtime.health.report(self._reading, None)
            log.info("reachable again", component=self._reading)

    async def mirror_offsets(self) -> None:
        """For ever: mirrors the offsets to Kafka's group, for lag tools; it decides nothing.

        Raises PartitionFenced when a partition has been fenced for so long that no rebalance can be on its way.
        """
        mirrored: dict[int, int] = {}
        while True:
            await asyncio.sleep(timing.GROUP_MIRROR_SECONDS)
            assignment, consumer = self.assignment, self._subscriber.consumer
            if assignment is None or consumer is None:
                continue
            _fail_if_fenced_too_long(assignment)
            reached = {p: at.next_offset for p, at in assignment.positions.items()}
            changed = {p: offset for p, offset in reached.items() if mirrored.get(p) != offset}
            if not changed:
                continue
            try:
                await consumer.commit({TopicPartition(self._topic, p): offset for p, offset in changed.items()})
                mirrored |= changed
            except KafkaError as error:
                log.debug("group commit failed", topic=self.route.topic, error=type(error).__name__)


def _fail_if_fenced_too_long(assignment: Assignment) -> None:
    for partition, since in assignment.fenced.items():
        if monotonic() > since + timing.FENCED_SECONDS:
            where = assignment.component(partition)
            raise PartitionFenced(f"{where}: another process took it, or its offset went back")


async def _pass_through(message: tuple[ConsumerRecord, ...]) -> KafkaMessage:
    return KafkaMessage(body=b"", raw_message=message, consumer=FAKE_CONSUMER)


async def _records(message: KafkaMessage) -> Any:
    return message.raw_message
