"""The stretch of each partition that an operation reads, and its selected records in batches."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from aiokafka import TopicPartition

from infra.errors import UnusableSelection
from infra.kafka.log_reader import LogReader
from infra.kafka.ranges import RangeCounts, read_range
from infra.patient_keys import PatientKeys
from infra.postgres.runs import RunPartition
from schemas.envelope import Record
from workers.operations.selection import Range, Selection
from workers.pipeline.inbound import InboundRecord, decode

#: values of so many bytes make a batch, however few they are
_MOST_BYTES = 8 << 20
#: after so many offsets of which nothing was wanted a batch without records is handed out: what is behind it need not
#: be read again
_MOST_UNSAVED = 200_000


@dataclass(slots=True)
class Batch:
    """Selected records of one partition, understood, in the order of their offsets; `before` and `after` say how far
    the partition is without and with them. The last batch of a partition may have none."""

    records: list[InboundRecord]
    before: RunPartition
    after: RunPartition


async def freeze(reader: LogReader, topic: str, selection: Selection) -> list[RunPartition]:
    """What of the topic (its name on the cluster) the selection asks for, up to the last stable offset of right now
    (O5). Raises UnusableSelection, and KafkaError."""
    ends = {tp.partition: end for tp, end in (await reader.ends([topic])).items()}
    if missing := selection.partitions.keys() - ends.keys():
        raise UnusableSelection(f"{topic} has no partition {min(missing)}: it has 0 to {max(ends)}")
    asked: Mapping[int, Range] = selection.partitions or dict.fromkeys(ends, Range())
    starts: dict[int, int] = {}
    if selection.since is not None and selection.by == "append":
        since_ms = int(selection.since.timestamp() * 1000)
        found = await reader.offsets_at({TopicPartition(topic, number) for number in asked}, since_ms)
        # None: no record is as late, or compaction took those that were
        starts = {tp.partition: ends[tp.partition].stable if at is None else at for tp, at in found.items()}
    parts = []
    for number, (first, asked_end) in sorted(asked.items()):
        end = ends[number].stable if asked_end is None else min(asked_end, ends[number].stable)
        begin = max(starts.get(number, 0), ends[number].begin if first is None else first)
        parts.append(RunPartition(number, min(begin, end), end, min(begin, end), min(begin, end)))
    return parts


async def batches(
    reader: LogReader,
    cluster_topic: str,
    topic: str,
    part: RunPartition,
    selection: Selection,
    keys: PatientKeys,
    size: int,
) -> AsyncIterator[Batch]:
    """The selected records of what is left of the partition, at most `size` at a time, of `topic` by the contract's
    name. Raises as `read_range` does."""
    counts = RangeCounts(
        *(part.first_offset, part.end_offset, part.records, part.aborted, part.control, part.first_record),
        position=part.read_offset,
    )
    before = counted = part
    taken: list[InboundRecord] = []
    bytes_taken = 0
    async for records in read_range(reader, TopicPartition(cluster_topic, part.partition), counts):
        for record in records:
            if record.offset < part.next_offset or (inbound := _select(topic, record, selection, keys)) is None:
                continue
            taken.append(inbound)
            bytes_taken += len(record.value or b"")
            if len(taken) == size or bytes_taken >= _MOST_BYTES:
                after = counted._replace(next_offset=record.offset + 1)
                yield Batch(taken, before, after)
                before, taken, bytes_taken = after, [], 0
        counted = _counted(part, counts)
        if not taken and counts.position - before.next_offset >= _MOST_UNSAVED:
            yield Batch([], before, counted)
            before = counted
    yield Batch(taken, before, _counted(part, counts))


def _select(topic: str, record: Record, selection: Selection, keys: PatientKeys) -> InboundRecord | None:
    if not selection.wants(record):
        return None
    inbound = decode(topic, record)
    return inbound if selection.takes(inbound, keys) else None


def _counted(part: RunPartition, counts: RangeCounts) -> RunPartition:
    return part._replace(
        next_offset=max(counts.position, part.next_offset),
        read_offset=counts.position,
        records=counts.records,
        aborted=counts.aborted,
        control=counts.control,
        first_record=counts.first,
    )
