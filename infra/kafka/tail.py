"""The last sequence that each output partition holds of an installation, read from its log.

A transaction of ours can be open in a partition though `init_transactions` has ended all there were: a broker that dies
behind a transaction's decision can forget to write its marker, after which the last stable offset stands still for ever
(record 0037). So what stands behind it is read too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from aiokafka import TopicPartition

from infra import timing
from infra.kafka import header_names
from infra.kafka.batches import Batch
from infra.kafka.log_reader import Ends, LogReader, read_batches
from infra.outbox_event import OutboxEvent

SEQUENCE_HEADER = "fastlakare-seq"
_FIRST_WINDOW = 64  # offsets: the markers of a few rounds, and a record between them
_GROWTH = 16
#: partitions read at a time, a mebibyte of each
_AT_ONCE = 8


class Tail(NamedTuple):
    """The last record that a partition holds of an installation; sequence 0 where it holds none. `open`: its
    transaction is open, and a commit by the producer ends it. `stable`: readers can see it."""

    seq: int = 0
    offset: int = -1
    key: bytes | None = None
    value: bytes | None = None
    headers: Sequence[tuple[str, bytes | None]] = ()
    open: bool = False
    stable: bool = True

    def tells_of(self, event: OutboxEvent) -> bool:
        """Whether that event is what the record was made of."""
        same = (self.seq, self.key, self.value) == (event.seq, event.key, event.value)
        return same and dict(self.headers).get("ce_id") == dict(event.headers).get("ce_id")


def sequence_prefix(installation: UUID) -> bytes:
    """What the sequence header's value begins with in records of this installation; the sequence in ASCII follows."""
    return installation.hex.encode() + b"/"


async def tails(
    reader: LogReader, installation: UUID, partitions: Iterable[TopicPartition], producer: int
) -> dict[TopicPartition, Tail]:
    """The last record of this installation in each partition, of those that are committed or can be: `producer` is the
    id that `init_transactions` gave. What another id of ours left open can only be aborted, by an operator.

    To be asked only after `init_transactions`: then no transaction of an earlier leader is under way, and none can
    begin. Raises KafkaError, and TimeoutError after `timing.RELAY_TAIL_SECONDS`.
    """
    prefix, slots = sequence_prefix(installation), asyncio.Semaphore(_AT_ONCE)

    async def read(tp: TopicPartition, ends: Ends) -> Tail:
        async with slots:
            return await _tail(reader, tp, ends, prefix, producer)

    async with asyncio.timeout(timing.RELAY_TAIL_SECONDS):
        wanted = list(partitions)
        ends = await reader.ends({tp.topic for tp in wanted})
        return dict(zip(wanted, await asyncio.gather(*(read(tp, ends[tp]) for tp in wanted)), strict=True))


async def is_left_open(reader: LogReader, installation: UUID, tp: TopicPartition, offset: int, producer: int) -> bool:
    """Whether a transaction of the producer that holds the record at the offset, or one before it, has no marker in the
    partition. To be asked of one whose commit Kafka has long acknowledged. Raises KafkaError."""
    ends = (await reader.ends({tp.topic}))[tp]
    stretch = await _read(reader, tp, ends.stable, ends.end, sequence_prefix(installation))
    begun = stretch.undecided.get(producer)
    return begun is not None and begun.first <= offset


async def _tail(reader: LogReader, tp: TopicPartition, ends: Ends, prefix: bytes, producer: int) -> Tail:
    """Reads what stands behind the last stable offset, then backwards from there in growing windows, over markers, what
    was aborted, and records of others."""
    markers: dict[int, bool] = {}
    if ends.stable < ends.end:
        stretch = await _read(reader, tp, ends.stable, ends.end, prefix)
        markers = stretch.markers
        begun = stretch.undecided.get(producer)
        if begun is not None:
            return _latest(stretch.last, begun.last)._replace(open=True, stable=False)
        if stretch.last.seq:
            return stretch.last._replace(stable=False)
    low, size = ends.stable, _FIRST_WINDOW
    while low > ends.begin:
        low, size = max(ends.begin, ends.stable - size), size * _GROWTH
        stretch = await _read(reader, tp, low, ends.stable, prefix)
        # What stands before the last stable offset is decided, if only by a marker behind it; where there is none that
        # says otherwise it is committed.
        decided = (one.last for producer, one in stretch.undecided.items() if markers.get(producer) is not False)
        last = _latest(stretch.last, *decided)
        if last.seq:
            return last
    return Tail()


async def _read(reader: LogReader, tp: TopicPartition, low: int, end: int, prefix: bytes) -> _Stretch:
    stretch = _Stretch(prefix)
    async for batch in read_batches(reader, tp, low, end):
        stretch.add(batch)
    return stretch


class _Open(NamedTuple):
    """A transaction without a marker: the offset of our first record in it, and our last record."""

    first: int
    last: Tail


class _Stretch:
    """Batches of a partition in their order: the last record of ours that is committed, and by producer what no marker
    has ended yet."""

    def __init__(self, prefix: bytes) -> None:
        self._prefix = prefix
        self.last = Tail()
        self.undecided: dict[int, _Open] = {}
        #: by producer, whether its first marker commits, also what stands before the stretch
        self.markers: dict[int, bool] = {}

    def add(self, batch: Batch) -> None:
        """The next batch."""
        if batch.control:
            commits, decided = batch.commits is not False, self.undecided.pop(batch.producer, None)
            self.markers.setdefault(batch.producer, commits)
            if decided is not None and commits:
                self.last = _latest(self.last, decided.last)
        elif (last := _last_of(batch, self._prefix)) is not None:
            if batch.transactional:
                begun = self.undecided.get(batch.producer)
                self.undecided[batch.producer] = _Open(batch.first if begun is None else begun.first, last)
            else:
                self.last = _latest(self.last, last)


def _latest(*found: Tail) -> Tail:
    return max(found, key=attrgetter("seq"))


def _last_of(batch: Batch, prefix: bytes) -> Tail | None:
    found = None
    for record in header_names.records(batch.data):
        if seq := sequence(record.headers, prefix):
            found = Tail(seq, record.offset, record.key, record.value, record.headers)
    return found


def sequence(headers: Iterable[tuple[str, bytes | None]], prefix: bytes) -> int:
    """The sequence in a record's headers; 0 in a record that no relay of this installation wrote.

    The last one is the relay's: a dead letter has those of the record that it copies before it.
    """
    for name, value in reversed(list(headers)):
        if name == SEQUENCE_HEADER and value is not None and value.startswith(prefix):
            digits = value[len(prefix) :]
            return int(digits) if digits.isdigit() else 0
    return 0
