"""The last sequence that each output partition holds of an installation, read from there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition

from infra import timing
from infra.kafka.client import client_args, closing
from infra.outbox_event import OutboxEvent
from infra.settings import Settings

SEQUENCE_HEADER = "fastlakare-seq"
_FIRST_WINDOW = 64  # offsets: the markers of a few rounds, and a record between them
_GROWTH = 16


class Tail(NamedTuple):
    """The last record that a partition holds of an installation; sequence 0 where it holds none."""

    seq: int = 0
    key: bytes | None = None
    value: bytes | None = None
    headers: Sequence[tuple[str, bytes | None]] = ()

    def tells_of(self, event: OutboxEvent) -> bool:
        """Whether that event is what the record was made of."""
        same = (self.seq, self.key, self.value) == (event.seq, event.key, event.value)
        return same and dict(self.headers).get("ce_id") == dict(event.headers).get("ce_id")


def sequence_prefix(installation: UUID) -> bytes:
    """What the sequence header's value begins with in records of this installation; the sequence in ASCII follows."""
    return installation.hex.encode() + b"/"


async def tails(
    settings: Settings, installation: UUID, partitions: Iterable[TopicPartition]
) -> dict[TopicPartition, Tail]:
    """The last committed record of this installation in each partition.

    To be asked only after `init_transactions`: then no transaction of an earlier leader is open, and none can commit.
    Reads backwards in growing windows, over transaction markers, what was aborted, and records of others.
    """
    found = dict.fromkeys(partitions, Tail())
    prefix = sequence_prefix(installation)
    async with _consumer(settings, "read_uncommitted") as consumer:
        begin: dict[TopicPartition, int] = await consumer.beginning_offsets(list(found))
        # Not the end that read_committed is told: a stranger's open transaction can put it before our last records.
        window = {tp: end for tp, end in (await consumer.end_offsets(list(found))).items() if end > begin[tp]}
    if not window:
        return found
    size = _FIRST_WINDOW
    async with _consumer(settings, "read_committed") as consumer:
        consumer.assign(list(window))
        while window:
            ranges = {tp: (max(begin[tp], end - size), end) for tp, end in window.items()}
            async with asyncio.timeout(timing.RELAY_TAIL_SECONDS):
                found |= await _highest(consumer, ranges, prefix)
            window = {tp: low for tp, (low, _) in ranges.items() if not found[tp].seq and low > begin[tp]}
            size *= _GROWTH
    return found


def _sequence(headers: Iterable[tuple[str, bytes | None]], prefix: bytes) -> int:
    """The sequence in a record's headers; 0 in a record that no relay of this installation wrote.

    The last one is the relay's: a dead letter has those of the record that it copies before it.
    """
    for name, value in reversed(list(headers)):
        if name == SEQUENCE_HEADER and value is not None and value.startswith(prefix):
            digits = value[len(prefix) :]
            return int(digits) if digits.isdigit() else 0
    return 0


async def _highest(
    consumer: Any, ranges: Mapping[TopicPartition, tuple[int, int]], prefix: bytes
) -> dict[TopicPartition, Tail]:
    """The record of the highest sequence in each partition's range of offsets [low, end)."""
    found = dict.fromkeys(ranges, Tail())
    for tp, (low, _) in ranges.items():
        consumer.seek(tp, low)
        consumer.resume(tp)
    left = set(ranges)
    while left:
        records = await consumer.getmany(*left, timeout_ms=timing.ms(timing.RELAY_TAIL_FETCH_SECONDS))
        for tp, batch in records.items():
            for record in batch:
                seq = _sequence(record.headers, prefix)
                if seq > found[tp].seq:
                    found[tp] = Tail(seq, record.key, record.value, record.headers)
        for tp in list(left):
            # Markers and gaps come without records, so the position decides and not what was read.
            if await consumer.position(tp) >= ranges[tp][1]:
                consumer.pause(tp)
                left.discard(tp)
    return found


@asynccontextmanager
async def _consumer(settings: Settings, isolation: str) -> AsyncIterator[Any]:
    consumer = AIOKafkaConsumer(
        **client_args(settings),
        client_id=f"{settings.group_id}.relay",
        isolation_level=isolation,
        auto_offset_reset="none",
        enable_auto_commit=False,
        fetch_max_wait_ms=timing.ms(timing.RELAY_TAIL_FETCH_SECONDS),
        max_partition_fetch_bytes=256 * 1024,
        fetch_max_bytes=8 << 20,
    )
    async with closing(consumer.stop):
        await consumer.start()
        yield consumer
