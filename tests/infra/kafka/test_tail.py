"""Where a partition's tail is found: over markers, aborted records and strangers, and behind transactions that nobody
ended (record 0037)."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from uuid import UUID

import pytest
from aiokafka import TopicPartition
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from infra.kafka.log_reader import Ends
from infra.kafka.tail import SEQUENCE_HEADER, is_left_open, sequence_prefix, tails

OURS, STRANGER, OUR_FORMER = 7, 8, 6
INSTALLATION = UUID(int=1)
PART = TopicPartition("t", 0)
COMMIT, ABORT = 1, 0
_ATTRIBUTES = 21


class Log:
    """A partition as its leader keeps it, batch by batch; offsets count up."""

    def __init__(self, *, stable: int | None = None) -> None:
        self.data: list[tuple[int, bytes]] = []
        self.end = 0
        self._stable = stable

    def records(self, *sequences: int, producer: int = OURS, codec: int = 0) -> Log:
        """A batch of a transaction of the producer's; of a stranger the records say nothing of us."""
        headers = [(SEQUENCE_HEADER, b"%b%d" % (sequence_prefix(INSTALLATION), seq)) for seq in sequences]
        return self._add([(b"k", [header] if producer != STRANGER else []) for header in headers], producer, 0, codec)

    def marker(self, kind: int, producer: int = OURS) -> Log:
        """The end of a transaction."""
        return self._add([(struct.pack(">hh", 0, kind), [])], producer, 0x20)

    def _add(
        self, records: list[tuple[bytes, list[tuple[str, bytes]]]], producer: int, bits: int, codec: int = 0
    ) -> Log:
        builder = DefaultRecordBatchBuilder(2, codec, 1, producer, 0, 0, 1 << 20)
        for at, (key, headers) in enumerate(records):
            builder.append(at, 0, key, b"v", headers)
        batch = bytearray(builder.build())
        struct.pack_into(">q", batch, 0, self.end)
        struct.pack_into(">h", batch, _ATTRIBUTES, struct.unpack_from(">h", batch, _ATTRIBUTES)[0] | bits)
        self.data.append((self.end, bytes(batch)))
        self.end += len(records)
        return self

    async def ends(self, topics: Iterable[str]) -> dict[TopicPartition, Ends]:
        return {PART: Ends(0, self.end if self._stable is None else self._stable, self.end)}

    async def fetch(self, tp: TopicPartition, offset: int) -> bytes:
        """Three batches at most, from the one on that holds the offset."""
        first = max((at for at, (begin, _) in enumerate(self.data) if begin <= offset), default=0)
        return b"".join(batch for _, batch in self.data[first : first + 3])


async def tail(log: Log) -> tuple[int, int, bool, bool]:
    """Sequence and offset of the tail, whether it is open, and whether readers see it."""
    found = (await tails(log, INSTALLATION, [PART], OURS))[PART]  # type: ignore[arg-type]
    return found.seq, found.offset, found.open, found.stable


async def test_an_empty_partition_and_one_of_strangers_hold_nothing() -> None:
    assert await tail(Log()) == (0, -1, False, True)
    assert await tail(Log().records(1, 2, producer=STRANGER).marker(COMMIT, STRANGER)) == (0, -1, False, True)


@pytest.mark.parametrize("codec", [0, 1])
async def test_the_last_committed_record_counts_and_no_aborted_one(codec: int) -> None:
    log = Log().records(1, 2, codec=codec).marker(COMMIT).records(3, codec=codec).marker(ABORT)
    assert await tail(log) == (2, 1, False, True)


async def test_it_is_found_far_before_the_end() -> None:
    log = Log().records(1).marker(COMMIT)
    for _ in range(700):
        log.records(1, producer=STRANGER).marker(COMMIT, STRANGER)
    assert await tail(log) == (1, 0, False, True)


async def test_what_our_producer_left_open_counts_for_a_commit_ends_it() -> None:
    log = Log(stable=2).records(1).marker(COMMIT).records(2, 3)
    assert await tail(log) == (3, 3, True, False)
    log.records(4)
    assert await tail(log) == (4, 4, True, False)


async def test_what_is_committed_behind_a_stranger_s_transaction_counts_and_is_hidden() -> None:
    log = Log(stable=2).records(1).marker(COMMIT).records(9, producer=STRANGER).records(2).marker(COMMIT)
    assert await tail(log) == (2, 3, False, False)
    log.records(3).marker(ABORT)
    assert await tail(log) == (2, 3, False, False)


@pytest.mark.parametrize(("kind", "found"), [(COMMIT, (2, 2)), (ABORT, (1, 0))])
async def test_what_a_marker_behind_a_stranger_s_transaction_decides_is_decided_so(
    kind: int, found: tuple[int, int]
) -> None:
    log = Log(stable=3).records(1).marker(COMMIT).records(2).records(9, producer=STRANGER).marker(kind)
    assert (await tail(log))[:2] == found
    across = Log(stable=3).records(1).marker(COMMIT).records(2).records(9, producer=STRANGER).records(3).marker(kind)
    assert (await tail(across))[:2] == ((3, 4) if kind == COMMIT else found)
    log.records(9, producer=STRANGER).marker(COMMIT)  # a later round that wrote nothing here
    assert (await tail(log))[:2] == found


async def test_what_another_id_of_ours_left_open_does_not_count_for_it_can_only_be_aborted() -> None:
    log = Log(stable=2).records(1).marker(COMMIT).records(2, producer=OUR_FORMER)
    assert await tail(log) == (1, 0, False, True)
    log.records(2).marker(COMMIT)
    assert await tail(log) == (2, 3, False, False)


async def test_a_transaction_is_left_open_where_no_marker_of_its_producer_follows() -> None:
    log = Log(stable=2).records(1).marker(COMMIT).records(2).records(9, producer=STRANGER).marker(COMMIT, STRANGER)
    asks = [is_left_open(log, INSTALLATION, PART, offset, OURS) for offset in (1, 2, 3)]  # type: ignore[arg-type]
    assert [await one for one in asks] == [False, True, True]
    log.marker(COMMIT).records(3)  # a round that is under way
    asks = [is_left_open(log, INSTALLATION, PART, offset, OURS) for offset in (2, 5, 6)]  # type: ignore[arg-type]
    assert [await one for one in asks] == [False, False, True]
