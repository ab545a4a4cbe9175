"""Which record of a partition stands, and in which way what is held can differ from it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from handlers.world.changes import Cause, Outcome
from tests.harness.builders import (
    EARLIER,
    NEW_PATIENT,
    NOON,
    PATIENT,
    RESERVE_NUMBER,
    id_changed,
    listing,
    staff,
    staff_removed,
    tombstone,
    unit,
)
from tests.harness.consumer_record import ConsumerRecord
from workers.operations.reconciliation.comparison import kind_of
from workers.operations.reconciliation.newest import Newest
from workers.pipeline.inbound import InboundRecord


def standing(*events: Any) -> list[int]:
    """The offsets that stand of events, each with its time where it is a pair."""
    newest, records = Newest(), []
    for offset, given in enumerate(events):
        event, at = given if isinstance(given, tuple) else (given, NOON)
        records.append(inbound(offset, event, at))
        newest.hear(records[-1])
    return [one.record.offset for one in records if newest.stands(one)]


def inbound(offset: int, event: Any, at: datetime) -> InboundRecord:
    """One that was understood."""
    return InboundRecord(ConsumerRecord("t", 0, offset), event, Cause("s", f"{offset}", at))


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([listing(sequence=1), listing(sequence=3), listing(sequence=2)], [1]),
        ([listing(sequence=3), listing(sequence=3)], [1]),
        ([listing(sequence=0)], [0]),
        ([listing(patient=PATIENT), listing(patient=NEW_PATIENT)], [0, 1]),
        ([listing(patient=RESERVE_NUMBER), tombstone(None)], []),
        ([id_changed(sequence=2), listing(sequence=2)], [0]),
        ([id_changed(sequence=2), listing(sequence=3)], [1]),
        ([staff(version=2), staff_removed(version=2), staff(version=2)], [1]),
        ([staff_removed(version=2), staff(version=3)], [1]),
        ([staff(version=2), tombstone()], [1]),
        ([(staff(version=2), NOON), (tombstone(), EARLIER)], [0]),
        ([staff(version=2), tombstone(), staff(version=2)], [1]),
        ([staff(version=2), tombstone(), staff(version=3)], [2]),
        ([tombstone(), staff(version=1)], [1]),
        ([unit(version=4), unit(version=4)], [1]),
    ],
)
def test_v2_of_each_the_highest_version_stands_and_of_two_the_later(events: list[Any], expected: list[int]) -> None:
    assert standing(*events) == expected


def test_l9_a_new_id_is_no_stranger() -> None:
    newest = Newest()
    newest.hear(inbound(0, id_changed(), NOON))
    assert set(newest.entities) == {int(PATIENT), int(NEW_PATIENT)}


@pytest.mark.parametrize(
    ("outcome", "version", "before", "after", "expected"),
    [
        (Outcome.UNCHANGED, 2, 2, 2, "equal"),
        (Outcome.UNCHANGED, None, None, None, "equal"),
        (Outcome.SKIPPED, 3, 3, 3, "equal"),
        (Outcome.SKIPPED, 3, 2, 3, "older"),
        (Outcome.APPLIED, 2, None, 2, "missing"),
        (Outcome.APPLIED, 2, 1, 2, "older"),
        (Outcome.APPLIED, 2, 2, 2, "different"),
        (Outcome.APPLIED, None, 2, 2, "different"),
        (Outcome.STALE, 2, 3, 3, "newer"),
        (Outcome.STALE, 2, 2, 2, "newer"),
    ],
)
def test_v2_what_the_handlers_would_do_says_in_which_way_it_differs(
    outcome: Outcome, version: int | None, before: int | None, after: int | None, expected: str
) -> None:
    assert kind_of(outcome, version, before, after) == expected
