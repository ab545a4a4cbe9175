"""Reads the committed records of a range of a partition, and says of every other offset of it what stood there.

The library's consumers skip markers, aborted records and gaps in silence, so that nobody can tell what was missing from
a range that somebody asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import CorruptRecordException, LeaderNotAvailableError, OffsetOutOfRangeError
from aiokafka.record.memory_records import MemoryRecords

from infra import timing
from infra.errors import PartitionUnreadable, RecordSetTooLarge
from infra.failures import failure_reason
from infra.kafka import header_names
from infra.kafka.batches import Batch, batches
from infra.kafka.log_reader import FETCH_BYTES, Fetched, LogReader

#: of one answer, where the first record is all that is wanted
_FEW_BYTES = 1 << 14


class StoredRecord(NamedTuple):
    """A committed record (a `schemas.envelope.Record`): `topic` with prefix, `timestamp` in ms since 1970."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


@dataclass
class RangeCounts:
    """What stood in the offsets of [start, end): committed records, records of aborted transactions, control records.

    While the range is read they tell of what is before `position`. `first` is the offset of the first committed record.
    """

    start: int
    end: int
    records: int = 0
    aborted: int = 0
    control: int = 0
    first: int | None = None
    position: int = -1

    def __post_init__(self) -> None:
        self.position = max(self.position, self.start)

    @property
    def removed(self) -> int:
        """Offsets that hold none of these: compaction or retention took what was there."""
        return self.position - self.start - self.records - self.aborted - self.control


async def read_range(
    reader: LogReader, tp: TopicPartition, counts: RangeCounts, size: int = FETCH_BYTES
) -> AsyncGenerator[list[StoredRecord], None]:
    """The committed records of [counts.start, counts.end) in the order of their offsets, a batch's at a time; `counts`
    are kept up to what was handed out. The end may be the last stable offset at most.

    What retention takes meanwhile is passed over. Waits for leaders that are being elected, for as long as the caller
    does. Raises PartitionUnreadable, and KafkaError.
    """
    while counts.position < counts.end:
        fetched = await _fetch(reader, tp, counts, size)
        before = counts.position
        for batch, aborted in _decided(fetched):
            if batch.first >= counts.end:
                break
            if records := _take(tp, batch, aborted, counts):
                yield records
        if counts.position == before:  # nothing is left up to the end
            counts.position = counts.end


async def first_record(reader: LogReader, tp: TopicPartition, start: int, end: int) -> StoredRecord | None:
    """The first committed record of [start, end), where there is one; reads little more than it. Waits and raises as
    `read_range` does."""
    async with aclosing(read_range(reader, tp, RangeCounts(start, end), _FEW_BYTES)) as found:
        async for records in found:
            return records[0]
    return None


async def first_readable(reader: LogReader, tp: TopicPartition, start: int, end: int) -> int | None:
    """The first offset from `start` on, `end` at most, at which the partition can be read; None where what is damaged
    does not tell how far it goes. Waits and raises as `read_range` does."""
    while True:
        try:
            await first_record(reader, tp, start, end)
        except PartitionUnreadable as damaged:
            at = max(start, damaged.offset)
            found = [batch for batch in batches(await reader.fetch(tp, at)) if batch.last >= at]
            if not found:
                return None
            start = min(found[0].last + 1, end)
        else:
            return start


async def _fetch(reader: LogReader, tp: TopicPartition, counts: RangeCounts, size: int) -> Fetched:
    while True:
        try:
            return await reader.fetch_stable(tp, counts.position, size)
        except OffsetOutOfRangeError:
            begin = (await reader.ends({tp.topic}))[tp].begin
            if begin <= counts.position:
                raise
            counts.position = min(begin, counts.end)
            if counts.position == counts.end:
                return Fetched(b"", [])
        except LeaderNotAvailableError:
            await asyncio.sleep(timing.LAG_ELECTION_SECONDS)
            await reader.ends({tp.topic})


def _decided(fetched: Fetched) -> Iterator[tuple[Batch, bool]]:
    """Every batch, and whether its transaction was aborted. One answer of a broker names all that were which overlap
    it, and a producer has one transaction at a time."""
    to_come = sorted(fetched.aborted, key=lambda transaction: transaction[1], reverse=True)
    aborted: set[int] = set()
    for batch in batches(fetched.data):
        while to_come and to_come[-1][1] <= batch.last:
            aborted.add(to_come.pop()[0])
        if batch.control:
            if batch.commits is False:
                aborted.discard(batch.producer)
            yield batch, False
        else:
            yield batch, batch.transactional and batch.producer in aborted


def _take(tp: TopicPartition, batch: Batch, aborted: bool, counts: RangeCounts) -> list[StoredRecord]:
    """Counts what the batch holds of the range, from the position on; returns its committed records."""
    position, end = counts.position, counts.end
    taken: list[StoredRecord] = []
    if batch.control:
        counts.control += batch.records if position <= batch.first else 0
    elif aborted and position <= batch.first and batch.last < end:
        counts.aborted += batch.records
    else:
        taken = [record for record in _records(tp, batch) if position <= record.offset < end]
        if aborted:
            counts.aborted += len(taken)
            taken = []
        elif taken:
            counts.records += len(taken)
            counts.first = taken[0].offset if counts.first is None else counts.first
    counts.position = min(max(position, batch.last + 1), end)
    return taken


def _records(tp: TopicPartition, batch: Batch) -> list[StoredRecord]:
    try:
        try:
            return [_stored(tp, record) for record in _checked(batch)]
        except UnicodeDecodeError:
            return [_stored(tp, record) for record in header_names.records(batch.data)]
    except Exception as error:
        why = str(error) if isinstance(error, RecordSetTooLarge) else failure_reason(error).detail
        raise PartitionUnreadable(tp.topic, tp.partition, batch.first, why) from error


def _checked(batch: Batch) -> Any:
    records = MemoryRecords(batch.data).next_batch()
    if not records.validate_crc():
        raise CorruptRecordException
    return records


def _stored(tp: TopicPartition, record: Any) -> StoredRecord:
    return StoredRecord(
        tp.topic, tp.partition, record.offset, record.timestamp, record.key, record.value, record.headers
    )
