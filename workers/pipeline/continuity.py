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


def deleted(offset: int) -> str:
    """Why a partition stops whose next record retention has removed."""
    return f"the next offset ({offset}) was deleted from the topic"


def cut_back(offset: int, end: int) -> str:
    """Why a partition stops whose log ends before what was handled."""
    return f"the next offset ({offset}) lies behind the topic's end ({end}): it was cut back"


def not_the_same(offset: int) -> str:
    """Why a partition stops whose log is another one than it was."""
    return (
        f"the topic no longer holds the record that was handled at offset {offset}, but others: it was cut back and has"
        " grown again"
    )


def _digest(record: Record, keys: PatientKeys) -> bytes:
    parts = [b"%d" % record.timestamp, record.key, record.value]
    for name, value in record.headers:
        parts += [name.encode(), value]
    return keys.digest(b"".join(b"-" if part is None else b"%d:%b" % (len(part), part) for part in parts))
