"""Whether a log is the one that it was, by the record that was handled last."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from infra.patient_keys import PatientKeys
from tests.harness.consumer_record import ConsumerRecord
from workers.pipeline.continuity import goes_on, last_records

KEYS = PatientKeys(bytes(32), 1)
RECORD = ConsumerRecord("t", 0, 7, b"value", b"key", [("a", b"1"), ("b", None)])


def test_the_same_record_goes_on() -> None:
    assert goes_on(RECORD, last_records([RECORD], KEYS)[0], KEYS, compacted=False)


@pytest.mark.parametrize(
    "change",
    [
        {"value": b"other"},
        {"value": None},
        {"key": b"other"},
        {"key": None, "value": b"keyvalue"},
        {"timestamp": 1},
        {"headers": [("a", b"1"), ("b", b"")]},
        {"headers": [("a1", b""), ("b", None)]},
        {"headers": []},
    ],
)
@pytest.mark.parametrize("compacted", [False, True])
def test_another_record_in_its_place_is_another_log(change: dict[str, Any], compacted: bool) -> None:
    assert not goes_on(replace(RECORD, **change), last_records([RECORD], KEYS)[0], KEYS, compacted=compacted)


@pytest.mark.parametrize("compacted", [False, True])
def test_a_record_that_is_gone_is_another_log_where_compaction_did_not_take_it(compacted: bool) -> None:
    last = last_records([RECORD], KEYS)[0]
    assert goes_on(replace(RECORD, offset=8), last, KEYS, compacted=compacted) is compacted


def test_the_last_record_of_each_partition_counts() -> None:
    batch = [replace(RECORD, partition=p, offset=offset) for offset, p in enumerate((0, 1, 0, 1, 1))]
    assert {p: last.offset for p, last in last_records(batch, KEYS).items()} == {0: 2, 1: 4}


def test_nobody_without_the_secret_finds_out_what_the_record_was() -> None:
    one, other = (last_records([RECORD], PatientKeys(bytes([n]) * 32, 1))[0].digest for n in (1, 2))
    assert one != other
