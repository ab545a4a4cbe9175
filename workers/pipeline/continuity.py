"""Whether a partition goes on where it was left: its log still holds the record that was handled last. Offsets alone
say nothing of a log that was cut back, or restored, and has grown past them since (record 0032)."""

from __future__ import annotations

from collections.abc import Iterable

from infra.patient_keys import PatientKeys
from infra.postgres.offsets import LastRecord
from schemas.envelope import Record


def last_records(records: Iterable[Record], keys: PatientKeys) -> dict[int, LastRecord]:
    """The last of the records of each partition."""
    last = {record.partition: record for record in records}
    return {partition: LastRecord(record.offset, _digest(record, keys)) for partition, record in last.items()}


def goes_on(first: Record, last: LastRecord, keys: PatientKeys, *, compacted: bool) -> bool:
    """Whether the log is the one that `last` was handled of; `first` is the first record that it holds from there on.

    Compaction may have taken the record, which says nothing then; nothing else takes one and leaves what is before it.
    """
    return _digest(first, keys) == last.digest if first.offset == last.offset else compacted


def _digest(record: Record, keys: PatientKeys) -> bytes:
    parts = [b"%d" % record.timestamp, record.key, record.value]
    for name, value in record.headers:
        parts += [name.encode(), value]
    return keys.digest(b"".join(b"-" if part is None else b"%d:%b" % (len(part), part) for part in parts))
