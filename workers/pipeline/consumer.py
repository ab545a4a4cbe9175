"""aiokafka's consumer, asked for what may be handled now: partitions of which nothing is under way, and nothing at all
while partitions go and come."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import ConsumerStoppedError, NoOffsetForPartitionError, OffsetOutOfRangeError

_EMPTY_MS = 500


class Feeds(Protocol):
    """What the records are for: the batches of a topic (`workers.pipeline.subscription`)."""

    def assignment(self) -> int | None:
        """The number of the assignment that holds. None while partitions go and come: aiokafka hands out records of new
        ones, from where its group stands, before `on_partitions_assigned` is through."""

    async def has_come(self, seconds: float) -> bool:
        """Waits for an assignment that holds, so long."""

    def under_way(self) -> set[asyncio.Task[None]]:
        """The batches being handled right now."""

    def busy(self) -> frozenset[int]:
        """The partitions whose records are being handled right now."""

    async def settled(self) -> None:
        """Returns when a batch that is under way has ended."""

    def gone(self, positions: dict[TopicPartition, int]) -> None:
        """Retention has removed what was to be handled next."""

    async def cannot_read(self, error: Exception) -> None:
        """The client failed: every partition begins anew, for what others gave in the same call went down with it."""

    def reads(self) -> None:
        """The client answered."""


class Consumer(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka ships no types
    """A consumer that begins only where it is told to (`auto_offset_reset="none"`), and tells what is gone."""

    feeds: Feeds
    #: the assignment under which the last records were taken out of the client; its position has moved since
    taken_under: int | None = None

    def subscribe(self, topics: Iterable[str], pattern: None, listener: Feeds) -> None:
        """As FastStream calls it."""
        self.feeds = listener
        super().subscribe(topics, pattern, listener)

    async def getmany(self, *, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[ConsumerRecord]]:
        """The next batch, as soon as there is one: of any partitions while none is under way, else of others.

        Partitions whose position is not known yet, or is gone, give nothing.
        """
        records: dict[TopicPartition, list[ConsumerRecord]] = {}
        try:
            if not await self.feeds.has_come(_EMPTY_MS / 1000):
                self._coordinator.check_errors()  # it does not try to join again before somebody has heard of its error
                return {}
            while not records and self.feeds.under_way():
                records = await self._beside_what_is_under_way(max_records)
            if not records:  # FastStream pauses after an empty answer, so none is given before it must be
                records = await self._take(max(timeout_ms, _EMPTY_MS), max_records)
        except NoOffsetForPartitionError:
            return {}  # asked before `on_partitions_assigned` was through
        except OffsetOutOfRangeError as error:
            self.feeds.gone(error.args[0])
        except ConsumerStoppedError:
            raise
        except Exception as error:  # noqa: BLE001  # nobody would hear of it: FastStream has no logger and asks again
            await self.feeds.cannot_read(error)
            return {}
        self.feeds.reads()
        return records

    async def _beside_what_is_under_way(self, max_records: int) -> dict[TopicPartition, list[ConsumerRecord]]:
        """The next records of partitions of which none is being handled; none of them once a batch has ended."""
        under_way, busy = self.feeds.under_way(), self.feeds.busy()
        free = [part for part in self.assignment() if part.partition not in busy]
        if not free:
            await self.feeds.settled()
            return {}
        take = asyncio.create_task(self._take(_EMPTY_MS, max_records, *free))
        try:
            await asyncio.wait({take, *under_way}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            take.cancel()  # loses nothing: records are taken only as it ends
        await asyncio.wait({take})
        if any(batch.done() for batch in under_way):
            await self.feeds.settled()
        return {} if take.cancelled() else take.result()

    async def _take(
        self, timeout_ms: int, max_records: int, *parts: TopicPartition
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        records: dict[TopicPartition, list[ConsumerRecord]] = await super().getmany(
            *parts, timeout_ms=timeout_ms, max_records=max_records
        )
        self.taken_under = self.feeds.assignment()  # nothing else runs in between
        return records
