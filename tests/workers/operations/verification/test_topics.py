"""What a check of an output partition makes of its records, and of what compaction and retention took (V4, V5)."""

from __future__ import annotations

from typing import Any

import pytest

from infra.kafka.ranges import RangeCounts, StoredRecord
from workers.operations.verification.contact import RevisionCheck
from workers.operations.verification.outputs import OutputPartition, OutputRecord
from workers.operations.verification.sequences import SequenceCheck
from workers.operations.verification.shared import Shared
from workers.operations.verification.topics import TopicCheck

TOPIC = "1177.fast-lakarkontakt.v1"
SHARED = Shared(None, {})  # these checks ask the database nothing


def partition(last_seq: int, removed: int = 0, topic: str = TOPIC) -> OutputPartition:
    """One that was read to its end."""
    return OutputPartition(topic, 0, last_seq, RangeCounts(0, 100, records=100 - removed, position=100))


def record(
    offset: int, seq: int, revision: int = 1, *, key: bytes = b"k", beyond: bool = False, removed: Any = (0, 0),
    headers: list[tuple[str, bytes | None]] | None = None,
) -> OutputRecord:  # fmt: skip
    told = [("ce_id", b"k/%d" % revision), *(headers or [])]
    return OutputRecord(StoredRecord("t", 0, offset, 0, key, b"{}", told), seq, beyond, removed)


async def found(check: TopicCheck, *records: OutputRecord) -> list[str]:
    for one in records:
        check.hear(one)
    return [one.what async for one in check.differences()]


async def test_v5_sequences_come_once_and_in_order() -> None:
    assert await found(SequenceCheck(SHARED, partition(3)), record(0, 1), record(1, 2), record(2, 3)) == []
    again = await found(SequenceCheck(SHARED, partition(2)), record(0, 1), record(1, 2), record(2, 2))
    assert again == ["offset 2 has sequence 2 after 2"]


@pytest.mark.parametrize("records", [[record(0, 1), record(2, 3)], [record(0, 1), record(1, 2)]])
async def test_v5_a_sequence_that_is_missing_is_found_but_where_compaction_took_it(records: list[OutputRecord]) -> None:
    whole, compacted = SequenceCheck(SHARED, partition(3)), SequenceCheck(SHARED, partition(3, removed=1))
    assert await found(whole, *records) == [
        "1 of the sequences up to 3 are missing, and compaction or retention took 0 records"
    ]
    assert await found(compacted, *records) == []


async def test_v4_what_is_behind_the_snapshot_and_what_retention_took_before_the_first_record_is_no_difference() -> (
    None
):
    assert await found(SequenceCheck(SHARED, partition(8)), record(0, 7), record(1, 8), record(2, 9, beyond=True)) == []
    assert await found(SequenceCheck(SHARED, partition(8))) == []


async def test_v5_a_record_of_nobody_is_found_but_in_the_clock_s_topic() -> None:
    what = ["offset 0 holds a record that the relay of this installation did not write"]
    assert await found(SequenceCheck(SHARED, partition(1)), record(0, 0), record(1, 1)) == what
    clock = partition(1, topic="listning.clock.v1")
    assert await found(SequenceCheck(SHARED, clock), record(0, 0), record(1, 1)) == []


async def test_v5_revisions_rise_by_one() -> None:
    assert await found(RevisionCheck(SHARED, partition(9)), record(0, 1, 4), record(1, 2, 5), record(2, 3, 6)) == []
    gap = await found(RevisionCheck(SHARED, partition(9)), record(0, 1, 1), record(1, 2, 3), record(2, 3, 3))
    assert gap == ["offset 1 has revision 3 after 1", "offset 2 has revision 3 after 3"]
    nameless = OutputRecord(StoredRecord("t", 0, 0, 0, None, None, []), 0, False, (0, 0))
    assert await found(RevisionCheck(SHARED, partition(9)), nameless) == ["offset 0 has no revision"]


async def test_v5_revisions_may_miss_what_compaction_took_between_two_records() -> None:
    first, second = record(0, 1, 1, removed=(0, 0)), record(9, 2, 4, removed=(0, 2))
    assert await found(RevisionCheck(SHARED, partition(9)), first, second) == []
    before = record(9, 2, 4, removed=(2, 2))
    assert await found(RevisionCheck(SHARED, partition(9)), first._replace(removed=(2, 2)), before) != []


async def test_v5_what_is_said_again_has_no_place_in_the_order_of_revisions() -> None:
    again = record(1, 2, 1, headers=[("republished", b"run")])
    assert await found(RevisionCheck(SHARED, partition(9)), record(0, 1, 1), again, record(2, 3, 2)) == []
