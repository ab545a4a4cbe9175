"""How many records stand in a stretch of a partition, and how many of them behind somebody's open transaction."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple, Self

from aiokafka import TopicPartition
from aiokafka.errors import LeaderNotAvailableError

from infra import timing
from infra.kafka.batches import Batch
from infra.kafka.log_reader import Ends, LogReader, read_batches
from infra.settings import Settings

#: a topic by its bare name, and the number of a partition
Partition = tuple[str, int]


class Count(NamedTuple):
    """Records that are acknowledged to their senders, and how many of those stand behind an open transaction.

    What an open transaction itself holds is not acknowledged, for it may still be aborted: it counts once it is
    committed.
    """

    records: int
    behind_open_transaction: int


class RecordCounter:
    """Counts over one reader, which the caller closes with it."""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader
        self._partitions: dict[Partition, TopicPartition] = {}

    @classmethod
    async def start(cls, settings: Settings) -> Self:
        """Connects; the caller closes it. Raises KafkaError."""
        return cls(await LogReader.start(settings))

    async def aclose(self) -> None:
        """Lets go of Kafka."""
        await self._reader.aclose()

    async def ends(self, topics: Mapping[str, str]) -> dict[Partition, Ends]:
        """Where every partition of the topics (full name to bare name) begins and ends right now. Raises KafkaError."""
        found = await self._reader.ends(topics)
        self._partitions = {(topics[tp.topic], tp.partition): tp for tp in found}
        return {where: found[tp] for where, tp in self._partitions.items()}

    async def count(
        self, starts: Mapping[Partition, int], ends: Mapping[Partition, Ends], read_offsets: int
    ) -> dict[Partition, Count]:
        """How many records stand from each start to each end (partitions as `ends` gave them).

        The smallest stretches are read, as far as `read_offsets` goes in all, to tell records from transaction markers,
        from what was aborted and from gaps that compaction left; of the others, and when reading takes too long, the
        distance is told as it is.
        """
        stretches = {where: _Stretch(start, ends[where]) for where, start in starts.items() if start < ends[where].end}
        offsets = 0
        try:
            async with asyncio.timeout(timing.LAG_READ_SECONDS):
                for where, stretch in sorted(stretches.items(), key=lambda item: item[1].left):
                    offsets += stretch.left
                    if offsets > read_offsets:
                        break
                    await self._read(self._partitions[where], stretch)
        except (TimeoutError, LeaderNotAvailableError):
            pass  # what is left of the stretches is told as it is
        return {where: stretch.count() for where, stretch in stretches.items()}

    async def _read(self, tp: TopicPartition, stretch: _Stretch) -> None:
        async for batch in read_batches(self._reader, tp, stretch.position, stretch.ends.end):
            stretch.add(batch)
        stretch.position = stretch.ends.end  # also where compaction took what stood last


class _Stretch:
    """What is known of the offsets from `start` on; `position` is where what is not yet read begins."""

    def __init__(self, start: int, ends: Ends) -> None:
        self.ends = ends
        self.position = start
        self._start = start
        self._records = self._behind = 0
        self._undecided: dict[int, list[tuple[int, int]]] = defaultdict(list)  # by producer: first offset, records

    @property
    def left(self) -> int:
        """The offsets that are not yet read."""
        return max(0, self.ends.end - self.position)

    def add(self, batch: Batch) -> None:
        """The next batch of the partition."""
        self.position = max(self.position, batch.last + 1)
        if batch.control:
            decided = self._undecided.pop(batch.producer, [])
            if batch.commits is not False:
                for first, records in decided:
                    self._count(first, records)
        elif batch.transactional:
            self._undecided[batch.producer].append((batch.first, batch.count(self._start)))
        else:
            self._count(batch.first, batch.count(self._start))

    def count(self) -> Count:
        """What was counted, and the distance over what was not read."""
        for first, records in (batch for producer in self._undecided.values() for batch in producer):
            if first < self.ends.stable or self.left:  # decided, or perhaps: its marker was not read
                self._count(first, records)
        self._undecided.clear()
        not_read = self.ends.end - max(self.position, self.ends.stable)
        return Count(self._records + self.left, self._behind + max(0, not_read))

    def _count(self, first: int, records: int) -> None:
        self._records += records
        if first >= self.ends.stable:
            self._behind += records
