"""What a broker sent is unpacked within bounds, whatever a producer packed."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from aiokafka.consumer import fetcher
from aiokafka.record import default_records
from aiokafka.record._crecords import default_records as fast_default_records
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition

from infra.errors import PartitionUnreadable
from infra.kafka.unpacking import LARGEST_RECORD_SET_BYTES, unpack_safely

MIB = 1024 * 1024
GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
ZEROS = bytes(MIB)


@pytest.fixture(autouse=True)
def unpacking(monkeypatch: pytest.MonkeyPatch) -> None:
    """As our clients do it; set back afterwards."""
    for name in ("MemoryRecords", "PartitionRecords"):
        monkeypatch.setattr(fetcher, name, getattr(fetcher, name))
    for module in (default_records, fast_default_records):
        for name in ("gzip_decode", "lz4_decode", "zstd_decode"):
            monkeypatch.setattr(module, name, getattr(module, name))
    unpack_safely()


def packed(codec: int, mebibytes: int) -> bytes:
    """A record set of one record for each mebibyte of zeros."""
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, -1, batch_size=2 * mebibytes * MIB)
    for offset in range(mebibytes):
        builder.append(offset, timestamp=1, key=b"k", value=ZEROS, headers=[])
    return bytes(builder.build())


def fetched(data: bytes, offset: int) -> Any:
    """The records from an offset on, in one answer."""
    return fetcher.PartitionRecords(
        TopicPartition("t", 3), fetcher.MemoryRecords(data), [], offset, None, None, True, 1
    )


def unpacked(data: bytes) -> Iterator[bytes]:
    """The values, as a consumer of ours gets them, which fetches again behind what it was handed."""
    offset = 0
    while found := list(records := fetched(data, offset)):
        yield from (record.value for record in found)
        offset = records.next_fetch_offset


@pytest.mark.parametrize("codec", [GZIP, LZ4, ZSTD])
def test_a_record_set_that_unpacks_to_more_than_it_may_is_refused_with_its_partition(codec: int) -> None:
    data = packed(codec, LARGEST_RECORD_SET_BYTES // MIB + 1)
    assert len(data) < MIB  # a broker takes it at its default settings
    with pytest.raises(
        PartitionUnreadable, match=r"t/3 cannot be read from offset 0 on: .* more than 32 MiB"
    ) as raised:
        list(unpacked(data))
    assert raised.value.partition == 3


@pytest.mark.parametrize("codec", [0, GZIP, SNAPPY, LZ4, ZSTD])
def test_a_large_record_set_is_unpacked_whatever_packed_it(codec: int) -> None:
    assert list(unpacked(packed(codec, 8))) == [ZEROS] * 8


def test_no_more_is_handed_out_of_one_answer_than_can_be_held_and_the_next_begins_where_it_ended() -> None:
    data = packed(ZSTD, 30)
    first = fetched(data, 0)
    assert [record.offset for record in first] == [0, 1, 2, 3]
    assert first.next_fetch_offset == 4
    assert [record.offset for record in fetched(data, 4)] == [4, 5, 6, 7]


@pytest.mark.parametrize("codec", [GZIP, SNAPPY, LZ4, ZSTD])
def test_a_damaged_record_set_is_told_with_its_partition_and_none_of_its_data(codec: int) -> None:
    data = bytearray(packed(codec, 1))
    data[61:65] = b"\0\0\0\0"  # where the records begin
    records = fetcher.PartitionRecords(
        TopicPartition("t", 3), fetcher.MemoryRecords(bytes(data)), [], 0, None, None, False, 1
    )
    with pytest.raises(PartitionUnreadable, match=r"^t/3 cannot be read from offset 0 on: \w+ at [\w.]+:\d+ \w+$"):
        list(records)


@pytest.mark.parametrize("module", [default_records, fast_default_records])
def test_aiokafka_unpacks_with_our_decoders(module: ModuleType) -> None:
    """It looks them up by name; a release that no longer does would unpack without bounds."""
    for name in ("gzip_decode", "lz4_decode", "zstd_decode"):
        assert getattr(module, name).__module__ == "infra.kafka.unpacking"
    assert DefaultRecordBatch is fast_default_records.DefaultRecordBatch
    assert MemoryRecords.__module__ == "aiokafka.record._crecords.memory_records"
