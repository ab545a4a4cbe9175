"""Reads records whose header names are not UTF-8. Kafka takes any bytes, clients in some languages send them, and
aiokafka gives up on the whole partition for one: it would stand still for ever (record 0027).

Where that happens, the rest of what was fetched is read by aiokafka's own slower reading in Python, and bytes of a name
that are no UTF-8 come as `\\xNN`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, SupportsIndex

from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy


def accept_any_header_name() -> None:
    """For all consumers of the process."""
    fetcher.MemoryRecords, fetcher.PartitionRecords = _Fetched, Records


def records(batch: bytes) -> Iterator[Any]:
    """A batch's records; `batch` in format 2, as a broker sends it."""
    return iter(_Batch(batch))


class _Fetched(MemoryRecords):  # type: ignore[misc]  # aiokafka ships no types
    """What a broker sent of one partition; keeps it as it came."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.data = data


class Records(PartitionRecords):  # type: ignore[misc]
    """The records of it, one by one."""

    _records: Any

    def _unpack_records(self) -> Iterator[Any]:
        try:
            yield from super()._unpack_records()
        except UnicodeDecodeError:
            self._records = _Rest(self._records.data, self.next_fetch_offset)
            yield from super()._unpack_records()


class _Rest(_MemoryRecordsPy):  # type: ignore[misc]
    """Batches from the one that holds an offset on. Those before it have been read; their transactions' markers must
    not be read twice."""

    def __init__(self, data: bytes, offset: int) -> None:
        super().__init__(data)
        self._offset = offset

    def next_batch(self) -> Any:
        while True:
            data, batch = self._next_slice, super().next_batch()
            if not isinstance(batch, DefaultRecordBatch):
                return batch
            if batch.next_offset > self._offset:
                return _Batch(data)


class _Batch(_DefaultRecordBatchPy):  # type: ignore[misc]
    """A batch in which every name can be decoded."""

    _buffer: bytearray

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _Buffer(self._buffer)


class _Buffer(bytearray):
    def __getitem__(self, at: SupportsIndex | slice) -> Any:
        found = super().__getitem__(at)
        return _Name(found) if isinstance(at, slice) else found


class _Name(bytearray):
    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        return super().decode(encoding, errors)
