"""Records judged again, or late, and out of their order: none turns a fact back (R2, Q4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers import staff as staff_topic
from handlers import unit as unit_topic
from handlers.world.changes import Outcome
from tests.harness.builders import (
    DOCTOR,
    EARLIER,
    NEW_PATIENT,
    NOON,
    OTHER_UNIT,
    PATIENT,
    TODAY,
    UNIT,
    choice,
    id_changed,
    listing,
    post,
    staff,
    staff_removed,
    tombstone,
    unit,
    unit_removed,
)
from tests.harness.region import Region

FIRST, SECOND, THIRD = (0, 10), (0, 20), (0, 30)
ELSEWHERE = choice(OTHER_UNIT, TODAY)
#: two contents of one version, of every kind of fact, and where the region keeps it
FACTS = [
    pytest.param(staff(name=("Jon", "A")), staff(name=("Jon", "B")), "doctors", DOCTOR, id="staff"),
    pytest.param(unit(name="A"), unit(name="B"), "units", UNIT, id="unit"),
    pytest.param(listing(), listing(current=ELSEWHERE), "patients", int(PATIENT), id="listing"),
]


@pytest.mark.parametrize(("first", "second", "table", "key"), FACTS)
def test_r2_of_two_records_with_one_version_the_later_stands_whichever_is_judged_last(
    first: Any, second: Any, table: str, key: Any
) -> None:
    region, backwards = Region(), Region()
    assert region.happens(first, place=FIRST) == Outcome.APPLIED
    region.happens(second, place=SECOND)
    assert region.happens(first, place=FIRST) == Outcome.STALE
    backwards.happens(second, place=SECOND)
    assert backwards.happens(first, place=FIRST) == Outcome.STALE
    assert getattr(region, table)[key] == getattr(backwards, table)[key]
    assert getattr(region, table)[key].place == SECOND


@pytest.mark.parametrize(("first", "second", "table", "key"), FACTS)
def test_r2_the_same_content_again_moves_the_place_on(first: Any, second: Any, table: str, key: Any) -> None:
    region = Region()
    region.happens(first, place=FIRST)
    assert region.happens(first, place=THIRD) == Outcome.UNCHANGED
    assert region.happens(second, place=SECOND) == Outcome.STALE
    assert getattr(region, table)[key].place == THIRD


@pytest.mark.parametrize(("first", "second", "table", "key"), FACTS)
def test_r2_the_record_that_stands_is_taken_again_and_changes_nothing(
    first: Any, second: Any, table: str, key: Any
) -> None:
    region = Region()
    region.happens(first, place=FIRST)
    before = getattr(region, table)[key]
    assert region.happens(first, place=FIRST) == Outcome.UNCHANGED
    assert getattr(region, table)[key] is before, "it was written again"


@pytest.mark.parametrize(("first", "second", "table", "key"), FACTS)
def test_r2_a_higher_version_wins_wherever_it_stands(first: Any, second: Any, table: str, key: Any) -> None:
    field = "sequence" if table == "patients" else "version"
    region = Region()
    region.happens(first, place=SECOND)
    assert region.happens(second.model_copy(update={field: 2}), place=FIRST) == Outcome.APPLIED
    assert getattr(region, table)[key].place == FIRST
    assert region.happens(first, place=SECOND) == Outcome.STALE


@pytest.mark.parametrize(("first", "second", "table", "key"), FACTS)
def test_r2_places_in_different_partitions_tell_nothing(first: Any, second: Any, table: str, key: Any) -> None:
    region = Region()
    region.happens(first, place=(0, 100))
    assert region.happens(second, place=(1, 1)) == Outcome.APPLIED
    assert getattr(region, table)[key].place == (1, 1)


@pytest.mark.parametrize(
    ("state", "handler", "key"),
    [(staff(), staff_topic, DOCTOR), (unit(), unit_topic, UNIT)],
)
def test_r2_a_tombstone_removes_nothing_that_stands_behind_it(state: Any, handler: Any, key: str) -> None:
    region = Region()
    region.happens(state, at=EARLIER, place=SECOND)
    assert region.happens(tombstone(key), at=NOON, tombstones=handler, place=FIRST) == Outcome.STALE
    assert region.happens(tombstone(key), at=NOON, tombstones=handler, place=THIRD) == Outcome.APPLIED
    assert region.happens(state, at=EARLIER, place=SECOND) == Outcome.STALE


@pytest.mark.parametrize(
    ("state", "removal", "table", "key"),
    [(staff(), staff_removed(version=1), "doctors", DOCTOR), (unit(), unit_removed(version=1), "units", UNIT)],
)
def test_s2_a_removal_wins_over_a_state_of_its_version_whichever_stands_later(
    state: Any, removal: Any, table: str, key: str
) -> None:
    for first, second in ((state, removal), (removal, state)):
        region = Region()
        region.happens(first, place=FIRST)
        region.happens(second, place=SECOND)
        region.happens(first, place=FIRST)
        assert getattr(region, table)[key].removed


def test_r6_a_protected_patient_stays_so_whatever_stands_later() -> None:
    region = Region()
    region.happens(listing(), place=FIRST)
    region.happens(listing(protected=True, sequence=2), place=SECOND)
    for record, place in ((listing(), FIRST), (listing(sequence=2), THIRD)):
        assert region.happens(record, place=place) in (Outcome.STALE, Outcome.SKIPPED)
    assert region.patients[int(PATIENT)].place is None, "more than key, sequence and revision is kept (L7)"


def test_r6_an_id_that_was_changed_does_not_come_back() -> None:
    region = Region()
    region.happens(listing(), place=FIRST)
    region.happens(id_changed(sequence=2), place=SECOND)
    moved = region.patients[int(NEW_PATIENT)]
    assert (moved.current, moved.place) == (listing().current and moved.current, SECOND)
    assert region.happens(listing(), place=FIRST) == Outcome.STALE
    assert region.happens(id_changed(sequence=2), place=SECOND) == Outcome.UNCHANGED
    assert region.patients[int(NEW_PATIENT)] == moved


contents = st.integers(0, 3)
histories = st.lists(st.tuples(st.integers(1, 3), contents), min_size=1, max_size=8)


def _state(kind: str, version: int, content: int) -> Any:
    match kind:
        case "staff":
            return staff(DOCTOR, post(UNIT if content % 2 else OTHER_UNIT), version=version, name=("A", str(content)))
        case "unit":
            return unit(name=f"Unit {content}", version=version)
        case _:
            return listing(current=choice(UNIT if content % 2 else OTHER_UNIT), care_burden=content, sequence=version)


@pytest.mark.parametrize(("kind", "table", "key"), [(p.id, *p.values[2:]) for p in FACTS])
@settings(max_examples=60)
@given(history=histories, data=st.data())
def test_r2_whatever_is_judged_late_or_again_the_last_of_the_highest_version_stands(
    kind: str, table: str, key: Any, history: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Some records are left out when they come (they were dead-lettered), and then records of the topic are judged in
    any order, each at least once."""
    records = [(_state(kind, *fact), (0, offset)) for offset, fact in enumerate(history)]
    read = data.draw(st.lists(st.booleans(), min_size=len(records), max_size=len(records)))
    again = data.draw(st.permutations(records)) + data.draw(st.lists(st.sampled_from(records), max_size=8))
    region, at_once = Region(), Region()
    for (state, place), taken in zip(records, read, strict=True):
        if taken:
            region.happens(state, place=place)
    for state, place in again:
        region.happens(state, place=place, at=NOON + timedelta(hours=1))
    for state, place in records:
        at_once.happens(state, place=place)
    found, expected = getattr(region, table)[key], getattr(at_once, table)[key]
    assert found.place == expected.place == max(zip(history, (p for _, p in records), strict=True), key=_rank)[1]
    assert _fact(found) == _fact(expected)


def _rank(fact: tuple[tuple[int, int], tuple[int, int]]) -> tuple[int, int]:
    return fact[0][0], fact[1][1]


def _fact(stored: Any) -> tuple[Any, ...]:
    names = ("version", "name", "employments", "sequence", "current", "care_burden", "place")
    return tuple(getattr(stored, name, None) for name in names)
