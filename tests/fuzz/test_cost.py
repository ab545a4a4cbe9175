"""What a record costs, in time, memory and what comes out, is at most linear in its size, whatever it holds."""

from __future__ import annotations

import gc
import time
import tracemalloc
from datetime import UTC, datetime
from functools import cache

import pytest

from schemas.topics import TOPICS
from tests.fuzz.hurting import MOST_BYTES, records
from tests.fuzz.in_memory import Reader
from tests.fuzz.report import Report, size
from tests.fuzz.stream import FuzzedRecord
from tests.harness.records import Record, Sender, choice, employment
from tests.model.ids import personnummer
from tests.schemas.builders import DOCTOR, PATIENT, UNIT

OTHER_DOCTOR = "SE2321000131-E000000007656"
PATIENTS = [PATIENT, *(personnummer(f"19{year}0615") for year in range(60, 79))]
INPUT_TYPES = [ce_type for topic in TOPICS if topic.direction == "in" for ce_type in topic.messages]

#: four times as large may take so many times as long; squared it would be sixteen
_MOST_TIMES_AS_LONG = 9
#: what nobody has to wait for, whatever it is in proportion to
_QUICK_SECONDS = 0.1
_MOST_SECONDS = 2.0
#: Python's objects for the smallest things that JSON can hold
_MOST_MEMORY_A_BYTE = 48
#: a row of a reply is so many times the empty text that it refuses
_MOST_OUT_A_BYTE = 60
_MOST_OUT_A_PATIENT = 16_384


@cache
def region() -> Reader:
    """A reader of a region where the doctor of the examples has twenty patients, and another doctor none."""
    reader = Reader(Report(1), 0)
    sender = Sender(datetime(2026, 5, 25, 8, tzinfo=UTC))
    posts = [employment(UNIT)]
    for record in (
        sender.day("2026-05-26"),
        sender.unit(UNIT, 1),
        *(sender.staff(doctor, 1, employments=posts) for doctor in (DOCTOR, OTHER_DOCTOR)),
        *(sender.listing(one, 1, one[2:], current=choice(UNIT, "2020-01-01")) for one in PATIENTS),
        sender.command("activate-doctor", UNIT, doctor_hsa_id=DOCTOR),
        sender.command("distribute-patients", UNIT, seed=1),
        sender.command("activate-doctor", UNIT, doctor_hsa_id=OTHER_DOCTOR),
    ):
        reader.events_of(record.topic, [_received(record)])
    assert reader.linked() == len(PATIENTS)
    return reader


def _received(record: Record) -> FuzzedRecord:
    key = None if record.key is None else record.key.encode()
    return FuzzedRecord(record.topic, key, record.value, list(record.headers), record.timestamp)


def seconds(record: FuzzedRecord, times: int = 1) -> float:
    """CPU of reading and deciding, the quickest of so many times."""
    quickest = float("inf")
    gc.disable()  # it looks at the whole process, and when it does so is chance
    for _ in range(times):
        reader = region().copy()
        began = time.thread_time()
        reader.events_of(record.topic, [record])
        quickest = min(quickest, time.thread_time() - began)
    gc.enable()
    return quickest


def bytes_out(record: FuzzedRecord) -> int:
    """Bytes of the events and audit rows that a record causes."""
    reader = region().copy()
    events = reader.events_of(record.topic, [record])
    published = sum(
        len(one.key or b"") + len(one.value or b"") + sum(len(name) + len(text or b"") for name, text in one.headers)
        for one in events
    )
    return published + reader.audited


@pytest.mark.parametrize("ce_type", INPUT_TYPES)
def test_time_grows_with_the_size_and_no_faster(ce_type: str) -> None:
    slow = []
    for name, of_size in records(ce_type):
        large = of_size(MOST_BYTES - 2_000)
        if seconds(large) <= _QUICK_SECONDS:
            continue
        took, of_a_quarter = seconds(large, 2), seconds(of_size(MOST_BYTES // 4 - 500), 2)
        if took > _MOST_SECONDS or took > _MOST_TIMES_AS_LONG * max(of_a_quarter, _QUICK_SECONDS / 4):
            slow.append(f"{name}: {took:.2f} s for 1 MiB, {of_a_quarter:.2f} s for a quarter")

    assert slow == []


def memory_a_byte(record: FuzzedRecord) -> float:
    """The most memory in use while a record is handled, less what anything takes, for each of its bytes."""
    reader = region().copy()
    tracemalloc.start()
    reader.events_of(record.topic, [record])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return max(0, peak - 1_000_000) / size(record)


@pytest.mark.parametrize("ce_type", INPUT_TYPES)
def test_memory_and_what_comes_out_are_bounded_by_the_size(ce_type: str) -> None:
    too_much = []
    for name, of_size in records(ce_type):
        record = of_size(MOST_BYTES // 16)
        # what is large for a small record may have a limit of its own, as the rows of a reply
        if memory_a_byte(record) > _MOST_MEMORY_A_BYTE:
            memory = memory_a_byte(of_size(MOST_BYTES - 2_000))
            if memory > _MOST_MEMORY_A_BYTE:
                too_much.append(f"{name}: {memory:.0f} bytes of memory for each")
        out = bytes_out(record)
        if out > _MOST_OUT_A_BYTE * size(record) + _MOST_OUT_A_PATIENT * (len(PATIENTS) + 1):
            too_much.append(f"{name}: {out / size(record):.0f} bytes come out for each")

    assert too_much == []
