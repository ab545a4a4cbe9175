"""Unpacks what a broker sent so that no record set can end the process: one that holds more than it should is refused,
and whatever cannot be read is told with its partition, so that only that partition waits for it.

A compressed record set is bounded by its topic on the broker's disk only: 33 kB of zstd unpack to a gigabyte, for which
aiokafka takes two and six seconds.
"""

from __future__ import annotations

import gzip
import io
import mmap
from collections.abc import Callable, Iterator
from typing import Any

import cramjam
from aiokafka.consumer import fetcher
from aiokafka.record import default_records, legacy_records
from aiokafka.record._crecords import default_records as fast_default_records
from aiokafka.record._crecords import legacy_records as fast_legacy_records

from infra.errors import PartitionUnreadable, RecordSetTooLarge
from infra.failures import failure_reason
from infra.kafka import header_names

#: a producer fills a record set up to 1 MiB as it is, or as it guesses that it will be when compressed
LARGEST_RECORD_SET_BYTES = 32 * 1024 * 1024
#: once the values that were handed out of a partition in one answer are as large, the rest is fetched again: an answer
#: can hold a hundred such record sets. What is packed less than sixteenfold never comes so far
_MOST_BYTES = 4 * 1024 * 1024


def unpack_safely() -> None:
    """For all consumers of the process."""
    header_names.accept_any_header_name()
    fetcher.PartitionRecords = _Records
    for module in (default_records, legacy_records, fast_default_records, fast_legacy_records):
        for name, decode in _DECODERS.items():
            if hasattr(module, name):
                setattr(module, name, decode)


class _Records(header_names.Records):
    """The records of a partition, one by one; what they raise names the partition."""

    _tp: Any
    next_fetch_offset: int

    def _unpack_records(self) -> Iterator[Any]:
        handed_out, size = False, 0
        try:
            for record in super()._unpack_records():
                handed_out = True
                size += record.serialized_value_size
                yield record
                if size >= _MOST_BYTES:
                    return
        except Exception as error:
            if handed_out:
                return  # the next fetch begins with what cannot be read
            why = str(error) if isinstance(error, RecordSetTooLarge) else failure_reason(error).detail
            raise PartitionUnreadable(self._tp.topic, self._tp.partition, self.next_fetch_offset, why) from error


def _gzip(packed: Any) -> bytes:
    unpacked = gzip.GzipFile(fileobj=io.BytesIO(packed)).read(LARGEST_RECORD_SET_BYTES + 1)
    if len(unpacked) > LARGEST_RECORD_SET_BYTES:
        raise RecordSetTooLarge(LARGEST_RECORD_SET_BYTES)
    return unpacked


def _into(decompress: Callable[[Any, Any], int]) -> Callable[[Any], bytes]:
    def decode(packed: Any) -> bytes:
        # Anonymous memory costs what is written to it; a bytearray of this size costs 14 ms.
        with mmap.mmap(-1, LARGEST_RECORD_SET_BYTES) as room:
            try:
                return room[: decompress(packed, room)]
            except cramjam.DecompressionError as error:
                if "whole buffer" in str(error):
                    raise RecordSetTooLarge(LARGEST_RECORD_SET_BYTES) from None
                raise

    return decode


#: by aiokafka's names. Snappy is left as it is: it unpacks to some twenty times its size at most
_DECODERS = {
    "gzip_decode": _gzip,
    "lz4_decode": _into(cramjam.lz4.decompress_into),
    "zstd_decode": _into(cramjam.zstd.decompress_into),
}
