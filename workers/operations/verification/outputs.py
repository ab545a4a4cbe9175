"""Reads an output partition as a reader of committed records does, and says of each record whether the snapshot knows
of it (V4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import NamedTuple

from aiokafka import TopicPartition

from infra import timing
from infra.kafka.log_reader import LogReader
from infra.kafka.ranges import RangeCounts, StoredRecord, read_range
from infra.kafka.tail import sequence


class OutputRecord(NamedTuple):
    """A record of an output topic. `seq` is 0 where no relay of this installation wrote it. `beyond`: it stands behind
    all that the snapshot knows of. Of the offsets before the record's batch, and up to the batch's end, so many were
    `removed` (before, after) by compaction or retention."""

    stored: StoredRecord
    seq: int
    beyond: bool
    removed: tuple[int, int]

    @property
    def key(self) -> str:
        """The key as text, whatever it holds."""
        return (self.stored.key or b"").decode(errors="backslashreplace")


@dataclass
class OutputPartition:
    """One that is read: `topic` by the contract's name, `last_seq` by the snapshot. The counts are those of what was
    read so far, from offset 0 on, so that what retention took counts as removed."""

    topic: str
    number: int
    last_seq: int
    counts: RangeCounts

    @property
    def name(self) -> str:
        """Topic and number."""
        return f"{self.topic}/{self.number}"


async def read_output(
    reader: LogReader, tp: TopicPartition, partition: OutputPartition, prefix: bytes
) -> AsyncIterator[list[OutputRecord]]:
    """All its committed records, in batches. Raises PartitionUnreadable, KafkaError, and TimeoutError where nothing
    comes for `timing.VERIFY_FETCH_SECONDS`."""
    beyond, counts = False, partition.counts
    batches = read_range(reader, tp, counts)
    while True:
        before = counts.removed
        async with asyncio.timeout(timing.VERIFY_FETCH_SECONDS):
            batch = await anext(batches, None)
        if batch is None:
            return
        records, removed = [], (before, counts.removed)
        for stored in batch:
            seq = sequence(stored.headers, prefix)
            beyond = beyond or seq > partition.last_seq
            records.append(OutputRecord(stored, seq, beyond, removed))
        yield records
        await asyncio.sleep(0)  # the service has other work too
