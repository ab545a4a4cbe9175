"""How many records stand in a stretch of a partition, as `read_committed` sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import TopicAuthorizationFailedError, UnknownTopicOrPartitionError

from infra import timing
from infra.kafka.client import client_args, close
from infra.kafka.metadata import describe
from infra.settings import Settings

#: a topic by its bare name, and the number of a partition
Partition = tuple[str, int]
#: the offsets from the first up to, and without, the second
Offsets = tuple[int, int]


class RecordCounter:
    """Counts over one consumer without a group, which sees the ends of topics as the workers do."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer
        self._partitions: dict[Partition, TopicPartition] = {}

    @classmethod
    async def start(cls, settings: Settings) -> Self:
        """Connects; the caller closes it. Raises KafkaError."""
        consumer = AIOKafkaConsumer(
            **client_args(settings),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            request_timeout_ms=timing.ms(timing.COMMAND_REQUEST_SECONDS),
            fetch_max_wait_ms=timing.ms(timing.LAG_FETCH_SECONDS),
        )
        try:
            await consumer.start()
        except BaseException:
            await close(consumer.stop)
            raise
        return cls(consumer)

    async def aclose(self) -> None:
        """Lets go of Kafka."""
        await close(self._consumer.stop)

    async def ranges(self, topics: Mapping[str, str]) -> dict[Partition, Offsets]:
        """Where every partition of the topics (full name to bare name) begins and ends right now. Raises KafkaError."""
        # no public call of the consumer's asks without making topics
        found = await describe(self._consumer._client, topics)
        if missing := [name for name in topics if name not in found]:
            raise UnknownTopicOrPartitionError(f"{', '.join(missing)}: no such topic")
        if hidden := [name for name in topics if not found[name].partitions]:
            raise TopicAuthorizationFailedError(", ".join(hidden))
        self._partitions = {
            (bare, number): TopicPartition(name, number)
            for name, bare in topics.items()
            for number in range(found[name].partitions)
        }
        ends = await self._consumer.end_offsets(list(self._partitions.values()))
        begins = await self._consumer.beginning_offsets(list(self._partitions.values()))
        return {partition: (begins[tp], ends[tp]) for partition, tp in self._partitions.items()}

    async def count(self, ranges: Mapping[Partition, Offsets], read_offsets: int) -> dict[Partition, int]:
        """How many records stand in each range (partitions as `ranges` gave them).

        The smallest are read, as far as `read_offsets` goes in all, to tell records from transaction markers and from
        gaps that compaction left; of the others, and when reading takes too long, the distance is told as it is.
        """
        spans = {self._partitions[where]: span for where, span in ranges.items() if span[0] < span[1]}
        counts = {tp: end - start for tp, (start, end) in spans.items()}
        readable, offsets = [], 0
        for tp, length in sorted(counts.items(), key=lambda item: item[1]):
            offsets += length
            if offsets > read_offsets:
                break
            readable.append(tp)
        if readable:
            counts |= await self._read(readable, spans)
        return {partition: counts[tp] for partition, tp in self._partitions.items() if tp in counts}

    async def _read(self, tps: list[TopicPartition], spans: Mapping[TopicPartition, Offsets]) -> dict[Any, int]:
        consumer, counts = self._consumer, dict.fromkeys(tps, 0)
        consumer.assign(tps)
        for tp in tps:
            consumer.seek(tp, spans[tp][0])
        unread = tps
        try:
            async with asyncio.timeout(timing.LAG_READ_SECONDS):
                while unread := [tp for tp in unread if await consumer.position(tp) < spans[tp][1]]:
                    fetched = await consumer.getmany(*unread, timeout_ms=timing.ms(timing.LAG_FETCH_WAIT_SECONDS))
                    for tp, records in fetched.items():
                        counts[tp] += sum(record.offset < spans[tp][1] for record in records)
        except TimeoutError:
            for tp in unread:
                counts[tp] += max(0, spans[tp][1] - await consumer.position(tp))
        finally:
            # Not unsubscribed: aiokafka's fetcher would be dropping its requests just when the consumer is stopped, and
            # miss that it is cancelled (`close`).
            consumer.pause(*tps)
        return counts
