"""aiokafka's consumer, asked for what may be handled now: partitions of which nothing is in flight, and nothing at all
while partitions are revoked and assigned."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from typing import Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import ConsumerStoppedError, NoOffsetForPartitionError, OffsetOutOfRangeError

from infra import timing
from infra.identity import Cluster
from infra.kafka.client import close
from infra.kafka.metadata import describe_cluster

#: of one answer, and of one partition in it, as packed; a record set that is larger comes by itself
FETCH_BYTES, PARTITION_FETCH_BYTES = 4 * 1024 * 1024, 256 * 1024

Records = dict[TopicPartition, list[ConsumerRecord]]


class InFlight(Protocol):
    """The batches that are being handled."""

    @property
    def tasks(self) -> frozenset[asyncio.Task[None]]:
        """One a batch."""

    async def one_done(self) -> None:
        """Returns when a batch has ended; raises what it raised."""


class Assignment(Protocol):
    """The partitions that were assigned at one time."""

    @property
    def in_flight(self) -> InFlight:
        """What is being handled of their records."""


class Listener(Protocol):
    """Who hears of rebalances and of how fetches go (`workers/pipeline/subscription.py`)."""

    async def wait_assigned(self, seconds: float) -> Assignment | None:
        """Waits for an assignment, so long. None while partitions are revoked and assigned: aiokafka hands out records
        of new ones, from where its group stands, before `on_partitions_assigned` is through."""

    def busy(self) -> frozenset[int]:
        """The partitions of which no further record may come now."""

    async def or_end(self, work: Awaitable[None]) -> None:
        """Has the process end where the work fails."""

    def on_offsets_out_of_range(self, offsets: dict[TopicPartition, int]) -> None:
        """Retention has removed what was to be handled next."""

    async def on_fetch_error(self, error: Exception) -> None:
        """The client failed: what others gave in the same call went down with it."""

    def on_records_taken(self, records: Records, reached: dict[TopicPartition, int]) -> None:
        """Records were taken out of the client just now; it stands at `reached`, past them and the markers behind
        them."""

    def on_fetch_ok(self) -> None:
        """A fetch succeeded."""


class Consumer(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka ships no types
    """A consumer that begins only where it is told to (`auto_offset_reset="none"`), and tells what is gone."""

    listener: Listener

    async def cluster(self, topics: Mapping[str, str]) -> Cluster:
        """The cluster it reads, with those of the topics (full name to bare name). Raises KafkaError."""
        return await describe_cluster(self._client, topics)

    def subscribe(self, topics: Iterable[str], pattern: None, listener: Listener) -> None:
        """As FastStream calls it."""
        self.listener = listener
        super().subscribe(topics, pattern, listener)

    async def stop(self) -> None:
        """Leaves the group, if that can be had in time; else the group notices by the heartbeats."""
        await close(super().stop)

    async def getmany(self, *, timeout_ms: int, max_records: int) -> Records:
        """The next batch, as soon as there is one: of any partitions while none is in flight, else of others.

        Partitions whose position is not known yet, or is gone, give nothing.
        """
        records: Records = {}
        try:
            assignment = await self.listener.wait_assigned(timing.FETCH_WAIT_SECONDS)
            if assignment is None:
                self._coordinator.check_errors()  # it does not try to join again before somebody has heard of its error
                return {}
            # FastStream pauses after an empty answer, so none is given while something is in flight.
            while not records and assignment.in_flight.tasks:
                records = await self._fetch_beside(assignment, max_records)
            if not records:
                records = await self._fetch_next(max(timeout_ms, timing.ms(timing.FETCH_WAIT_SECONDS)), max_records)
        except NoOffsetForPartitionError:
            return {}  # asked before `on_partitions_assigned` was through
        except OffsetOutOfRangeError as error:
            self.listener.on_offsets_out_of_range(error.args[0])
        except ConsumerStoppedError:
            raise
        except Exception as error:  # noqa: BLE001  # nobody would hear of it: FastStream has no logger and asks again
            await self.listener.on_fetch_error(error)
            return {}
        self.listener.on_fetch_ok()
        return records

    async def _fetch_beside(self, assignment: Assignment, max_records: int) -> Records:
        """The next records of partitions of which none is being handled; none of them once a batch has ended."""
        in_flight, tasks = assignment.in_flight, assignment.in_flight.tasks
        free = self._free()
        if not free:
            await self.listener.or_end(in_flight.one_done())
            return {}
        fetch = asyncio.create_task(self._fetch(timing.ms(timing.FETCH_WAIT_SECONDS), max_records, *free))
        try:
            await asyncio.wait({fetch, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            fetch.cancel()  # loses nothing: records are taken only as it ends
        await asyncio.wait({fetch})
        if any(task.done() for task in tasks):
            await self.listener.or_end(in_flight.one_done())
        return {} if fetch.cancelled() else fetch.result()

    async def _fetch_next(self, timeout_ms: int, max_records: int) -> Records:
        """The next records while none is being handled; partitions that are stopped give nothing."""
        if not self.listener.busy():
            return await self._fetch(timeout_ms, max_records)
        free = self._free()
        if free:
            return await self._fetch(timeout_ms, max_records, *free)
        await asyncio.sleep(timing.FETCH_WAIT_SECONDS)
        return {}

    def _free(self) -> list[TopicPartition]:
        busy = self.listener.busy()
        return [tp for tp in self.assignment() if tp.partition not in busy]

    async def _fetch(self, timeout_ms: int, max_records: int, *partitions: TopicPartition) -> Records:
        records: Records = await super().getmany(*partitions, timeout_ms=timeout_ms, max_records=max_records)
        self.listener.on_records_taken(records, self._reached())  # nothing else runs in between
        return records

    def _reached(self) -> dict[TopicPartition, int]:
        # `position` of aiokafka would wait for a partition that has none yet.
        subscription = self._subscription.subscription
        if subscription is None or subscription.assignment is None:
            return {}
        states = {tp: subscription.assignment.state_value(tp) for tp in subscription.assignment.tps}
        return {tp: state.position for tp, state in states.items() if state.has_valid_position}
