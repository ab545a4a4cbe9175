"""Batches as a broker sends them: whose they are and what they hold, whatever compaction and senders did to them."""

from __future__ import annotations

import struct

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from infra.kafka.batches import batches

LAST_DELTA, ATTRIBUTES = 23, 21


def batch_of(records: int, *, producer: int = -1, transactional: bool = False, header: str = "name") -> bytearray:
    """A batch of so many records, from offset 0 on."""
    builder = DefaultRecordBatchBuilder(2, 0, int(transactional), producer, 0, 0, 1 << 20)
    for offset in range(records):
        builder.append(offset, 0, b"k", b"value", [(header, b"x")])
    return bytearray(builder.build())


def test_a_batch_tells_whose_it_is_and_how_many_records_it_holds() -> None:
    plain, theirs = batch_of(3), batch_of(2, producer=7, transactional=True)

    found = list(batches(bytes(plain + theirs)))

    assert [(one.first, one.last, one.records, one.transactional, one.control) for one in found] == [
        (0, 2, 3, False, False),
        (0, 1, 2, True, False),
    ]
    assert [one.producer for one in found] == [-1, 7]
    assert [one.data for one in found] == [plain, theirs]


def test_what_the_broker_cut_off_is_left_for_the_next_question() -> None:
    whole = bytes(batch_of(3))

    assert [len(list(batches(whole + whole[:size]))) for size in (0, 1, 60, len(whole) - 1, len(whole))] == [
        1,
        1,
        1,
        1,
        2,
    ]


@pytest.mark.parametrize(("start", "count"), [(0, 3), (1, 2), (2, 1), (3, 0), (4, 0)])
def test_offsets_whose_records_compaction_took_count_for_nothing(start: int, count: int) -> None:
    compacted = batch_of(3)
    struct.pack_into(">i", compacted, LAST_DELTA, 4)  # it reached to offset 4; compaction keeps that

    (batch,) = batches(bytes(compacted))

    assert (batch.last, batch.count(start)) == (4, count)


def test_records_count_whatever_bytes_their_headers_are_called() -> None:
    (batch,) = batches(bytes(batch_of(3, header="KXlla").replace(b"KXlla", b"K\xe4lla")))

    assert batch.count(1) == 2


def test_of_a_batch_that_cannot_be_unpacked_the_distance_is_told() -> None:
    damaged = batch_of(3)
    damaged[ATTRIBUTES + 1] |= 4  # as if it were packed with zstd

    (batch,) = batches(bytes(damaged))

    assert (batch.count(0), batch.count(1)) == (3, 2)


def test_a_batch_of_very_many_records_is_not_unpacked_to_count_them() -> None:
    (batch,) = batches(bytes(batch_of(3)))
    many = batch._replace(records=1_000_000, last=999_999, data=b"")

    assert [many.count(start) for start in (0, 1, 999_999)] == [1_000_000, 999_999, 1]
