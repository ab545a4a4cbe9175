"""FastStream's part: one batch subscriber per input topic, and what happens when partitions come and go.

FastStream brings the consume loop and its lifespan. Every default of it that loses data is switched off here: it never
acknowledges (offsets live in the database), never parses (headers may hold any bytes), and its handler never raises
(exceptions in a batch handler would be swallowed): what cannot be handled ends the process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from time import monotonic
from typing import Any

from aiokafka import ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.message import FAKE_CONSUMER
from tenacity import AsyncRetrying, retry_if_exception, wait_random_exponential

from infra.errors import explain, fingerprint, passing
from infra.logs import log
from infra.postgres.connection import raw
from infra.postgres.offsets import Position, claim
from workers.pipeline.consumer import Consumer
from workers.pipeline.processor import Batches

#: a batch may wait for the database as long as it takes; a process that is gone is noticed by its heartbeats
_POLL_MS = 24 * 60 * 60 * 1000
_SESSION_MS = 10_000
_HEARTBEAT_MS = 2_000
_REBALANCE_MS = 60_000
_MIRROR_SECONDS = 1.0
_PAUSE_SECONDS = 1.0
_RED_AFTER_SECONDS = 10.0
_WELL_AFTER_SECONDS = 10.0
#: a rebalance that is under way gives a lost partition to somebody sooner
_LOST_SECONDS = 30.0
_NOTHING_YET = "no partitions assigned yet"


class PartitionLost(Exception):
    """The group gave it to this process, but the database says otherwise: nobody would handle it until the process
    ends and somebody takes it over."""


class Subscription(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    """The batches of one topic, fed by one consumer of the group `<GROUP_ID>.<worker>`."""

    def __init__(self, worker: str, batches: Batches, ended: Callable[[BaseException], None]) -> None:
        """`ended` is told of what must end the process."""
        self.worker = worker
        self._batches = batches
        self._settings = batches.parts.settings
        self._ended = ended
        self._topic = self._settings.topic(batches.topic)
        self._subscriber: Any = None
        self._assignments = 0
        self._has_come = asyncio.Event()
        self._reading = f"{batches.topic}/reading"
        self._failed_at: float | None = None

    def register(self, broker: KafkaBroker) -> None:
        """Adds the subscriber to the broker; it runs when the broker is started."""
        settings = self._settings
        self._batches.parts.health.report(self._batches.topic, _NOTHING_YET)
        self._subscriber = broker.subscriber(
            self._topic,
            batch=True,
            max_records=settings.batch_records,
            batch_timeout_ms=settings.batch_wait_ms,
            group_id=f"{settings.group_id}.{self.worker}",
            group_instance_id=settings.instance_id and f"{settings.instance_id}.{self.worker}",
            auto_offset_reset="none",
            isolation_level="read_committed",
            max_poll_interval_ms=_POLL_MS,
            session_timeout_ms=_SESSION_MS,
            heartbeat_interval_ms=_HEARTBEAT_MS,
            rebalance_timeout_ms=_REBALANCE_MS,
            ack_policy=AckPolicy.MANUAL,
            parser=_as_it_came,
            decoder=_records,
            listener=self,
            no_reply=True,
        )
        self._subscriber(self._handle)

    async def _handle(self, records: tuple[ConsumerRecord, ...]) -> None:
        await self._or_end(self._batches.handle(records, self._subscriber.consumer.taken_under))

    def assignment(self) -> int | None:
        """The number of the assignment that holds, see `Feeds`."""
        return self._batches.assignment

    async def has_come(self, seconds: float) -> bool:
        """Waits for an assignment that holds, so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._has_come.wait()
        return self._has_come.is_set()

    def busy(self) -> frozenset[int]:
        """The partitions whose records are being handled right now."""
        return self._batches.busy

    def under_way(self) -> set[asyncio.Task[None]]:
        """The batches being handled right now."""
        return self._batches.under_way

    async def settled(self) -> None:
        """Returns when a batch that is under way has ended."""
        await self._or_end(self._batches.settled())

    async def _or_end(self, work: Awaitable[None]) -> None:
        try:
            await work
        except BaseException as error:
            self._ended(error)
            if isinstance(error, Exception):
                await asyncio.Event().wait()  # no further batch: the process ends
            raise

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Waits for the batches under way; one that only waits itself is given up."""
        self._batches.assignment = None
        self._has_come.clear()
        await self._or_end(self._batches.drained())
        self._batches.positions.clear()
        self._batches.lost.clear()
        health = self._batches.parts.health
        for part in revoked:
            health.forget(self._batches.part(part.partition))
        health.report(self._batches.topic, _NOTHING_YET, after=30)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Raises the epochs, so that whoever had the partitions is shut out, and goes on where the database says."""
        try:
            await self._take_over(sorted(assigned))
        except BaseException as error:
            self._ended(error)
            raise

    async def _take_over(self, assigned: list[TopicPartition]) -> None:
        batches, health = self._batches, self._batches.parts.health
        consumer: Consumer = self._subscriber.consumer
        retrying = AsyncRetrying(retry=retry_if_exception(_passes), wait=wait_random_exponential(multiplier=0.1, max=5))
        async for attempt in retrying:
            with attempt:
                earliest = await consumer.beginning_offsets(assigned) if assigned else {}
                ends = await consumer.end_offsets(assigned) if assigned else {}
                positions = await self._claim({part.partition: offset for part, offset in earliest.items()})
        for part in assigned:
            position = positions[part.partition]
            if earliest[part] <= position.next_offset <= ends[part]:
                batches.positions[part.partition] = position
                consumer.seek(part, position.next_offset)
            else:
                consumer.seek(part, ends[part])
                self._stop(part, position.next_offset)
        self._assignments += 1
        batches.assignment = self._assignments
        self._has_come.set()
        health.report(batches.topic, None)

    async def _claim(self, earliest: dict[int, int]) -> dict[int, Position]:
        async with self._batches.parts.engine.connect() as connection:
            return await claim(await raw(connection), self._batches.topic, earliest)

    def gone(self, positions: dict[TopicPartition, int]) -> None:
        """Retention has removed what was to be handled next."""
        for part, offset in positions.items():
            self._stop(part, offset)

    def _stop(self, part: TopicPartition, offset: int) -> None:
        """The partition stops loudly: records never handled are gone, and only an operator can say what then."""
        batches = self._batches
        batches.positions.pop(part.partition, None)
        self._subscriber.consumer.pause(part)
        why = f"stopped, for offset {offset}, which is to be handled next, is no longer in the topic"
        batches.parts.health.report(batches.part(part.partition), why)
        log.error("partition stopped", topic=batches.topic, partition=part.partition, why=why)

    async def cannot_read(self, error: Exception) -> None:
        """Says so and has every partition begin anew, see `Feeds`."""
        why = explain(error) or fingerprint(error).detail
        log.error("cannot read", topic=self._batches.topic, why=why)
        self._batches.parts.health.report(self._reading, why, after=_RED_AFTER_SECONDS)
        self._failed_at = monotonic()
        await asyncio.sleep(_PAUSE_SECONDS)
        await self._or_end(self._batches.drained())
        for partition, position in self._batches.positions.items():
            self._subscriber.consumer.seek(TopicPartition(self._topic, partition), position.next_offset)

    def reads(self) -> None:
        """All is well once the client has answered for a while."""
        if self._failed_at is not None and monotonic() > self._failed_at + _WELL_AFTER_SECONDS:
            self._failed_at = None
            self._batches.parts.health.report(self._reading, None)

    async def keep_up(self) -> None:
        """For ever: mirrors the offsets to Kafka's group, for lag tools; it decides nothing.

        Raises PartitionLost when one has been lost for so long that no rebalance can be on its way.
        """
        mirrored: dict[int, int] = {}
        while True:
            await asyncio.sleep(_MIRROR_SECONDS)
            if self._batches.assignment is not None:
                self._miss_what_is_lost()
            consumer: Consumer | None = self._subscriber.consumer
            if consumer is None:
                continue
            held = {p: at.next_offset for p, at in self._batches.positions.items()}
            changed = {p: offset for p, offset in held.items() if mirrored.get(p) != offset}
            if not changed:
                continue
            try:
                await consumer.commit({TopicPartition(self._topic, p): offset for p, offset in changed.items()})
                mirrored |= changed
            except KafkaError as error:
                log.debug(
                    "group commit failed; it is a mirror only", topic=self._batches.topic, error=type(error).__name__
                )

    def _miss_what_is_lost(self) -> None:
        for partition, since in self._batches.lost.items():
            if monotonic() > since + _LOST_SECONDS:
                where = self._batches.part(partition)
                raise PartitionLost(f"{where}: another process took it, or its offset went back")


async def _as_it_came(message: tuple[ConsumerRecord, ...]) -> KafkaMessage:
    return KafkaMessage(body=b"", raw_message=message, consumer=FAKE_CONSUMER)


async def _records(message: KafkaMessage) -> Any:
    return message.raw_message


def _passes(error: BaseException) -> bool:
    return isinstance(error, KafkaError) or passing(error, 1)
