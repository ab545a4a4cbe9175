"""Record batches as a broker keeps them (format 2): whose they are and how many records they hold, without unpacking
them. The library's consumers do not tell whose a record is."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from aiokafka.record.memory_records import MemoryRecords

from infra.kafka import header_names

# base offset, length; (leader epoch, magic, checksum,) attributes, last offset's delta, (timestamps,) producer id,
# (epoch, sequence,) records
_HEADER = struct.Struct(">qi 9x hi 16x q 6x i")
_LENGTH_BYTES = 12  # a batch's length does not count itself and the offset before it
_TRANSACTIONAL, _CONTROL = 0x10, 0x20
#: where in a batch the lower byte of the attributes stands, and its timestamps
_ATTRIBUTES_LOW, _FIRST_TIMESTAMP, _LAST_TIMESTAMP = 22, 27, 35
_BROKERS_TIME = 0x08
_MARKER = struct.Struct(">hh")  # version, and what it says
_ABORT, _COMMIT = 0, 1


#: a batch of more records is not unpacked to count them: a million would take the event loop for two seconds
_MOST_UNPACKED = 10_000


class Batch(NamedTuple):
    """One batch; `last` is the offset of its last record, also where compaction took that record."""

    first: int
    last: int
    transactional: bool
    control: bool
    producer: int
    records: int
    data: bytes

    def count(self, start: int) -> int:
        """How many of its records stand at `start` or behind it; the distance where they cannot be unpacked, or are too
        many for that."""
        if self.first >= start:
            return self.records
        if self.records > _MOST_UNPACKED:
            return min(self.records, self.last + 1 - start)
        try:
            return sum(record.offset >= start for record in header_names.records(self.data))
        except Exception:  # noqa: BLE001  # a damaged batch stops its partition, and may not hide how far behind it is
            return self.last + 1 - start

    @property
    def timestamp(self) -> int:
        """Of its first record, or of all where the broker gives records their time, in ms since 1970."""
        at = _LAST_TIMESTAMP if self.data[_ATTRIBUTES_LOW] & _BROKERS_TIME else _FIRST_TIMESTAMP
        return int.from_bytes(self.data[at : at + 8], signed=True)

    @property
    def commits(self) -> bool | None:
        """Whether a control batch ends a transaction by a commit (True) or an abort (False); None for other kinds.
        Compaction can take the marker and leave the batch."""
        if not self.records:
            return None
        batch = MemoryRecords(self.data).next_batch()
        key = None if batch is None else next(iter(batch)).key
        return None if key is None else {_COMMIT: True, _ABORT: False}.get(_MARKER.unpack_from(key)[1])


def batches(data: bytes) -> Iterator[Batch]:
    """The whole batches in what a broker sent; it may have cut off the last one."""
    at = 0
    while len(data) - at >= _HEADER.size:
        first, length, attributes, delta, producer, records = _HEADER.unpack_from(data, at)
        end = at + _LENGTH_BYTES + length
        if end > len(data):
            return
        transactional, control = bool(attributes & _TRANSACTIONAL), bool(attributes & _CONTROL)
        yield Batch(first, first + delta, transactional, control, producer, records, data[at:end])
        at = end
