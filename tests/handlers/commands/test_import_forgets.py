"""What is held of an import's rows while it waits for its other parts, and how they are judged then (L7, L9, C11)."""

from __future__ import annotations

import pytest

from handlers.world import Link
from tests.harness.builders import (
    DOCTOR,
    OTHER_UNIT,
    PATIENT,
    TODAY,
    UNIT,
    id_changed,
    import_links,
    listing,
    patients,
    row,
)
from tests.harness.region import Region, ready

FIRST, SECOND = patients(2)


def region_of(*events: object) -> Region:
    """Three patients without a doctor; and then."""
    return ready(listing(FIRST), listing(SECOND), *events)


def codes(region: Region) -> list[tuple[int, str]]:
    """The faulty rows of the last reply."""
    return [(found["row"], found["code"]) for found in region.reply["faulty_rows"] or ()]


def test_l7_a_waiting_import_holds_no_personnummer_wherever_the_row_has_it() -> None:
    rows = (
        row(1),
        row(2, f"{FIRST[2:8]}-{FIRST[8:]}"),
        row(3, SECOND, unit=SECOND),
        row(4, SECOND, doctor=SECOND),
        row(5, SECOND, start=SECOND),
        row(int(FIRST), SECOND),
    )
    region = region_of()
    assert region.asks(import_links(*rows, part=1, parts=2, import_id=f"fil {PATIENT}.csv")) == "waiting"
    stored = repr(region.imports)
    assert [id for id in (PATIENT, FIRST, SECOND) if id in stored or id[2:8] in stored] == []


def test_l7_who_is_protected_while_the_import_waits_is_not_listed() -> None:
    region = region_of(import_links(row(1), row(2, FIRST), part=1, parts=2))
    region.happens(listing(sequence=2, protected=True))
    assert region.asks(import_links(row(3, SECOND), part=2, parts=2)) == "rows_faulty"
    assert codes(region) == [(1, "patient_not_listed")]


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_c11_a_patient_nobody_knows_is_found_to_stand_in_two_rows_that_waited_or_not(order: tuple[int, int]) -> None:
    parts = {1: (row(1), row(2)), 2: (row(3), row(4, FIRST))}
    region = region_of(listing(sequence=2, protected=True))
    for part in order:
        region.happens(import_links(*parts[part], part=part, parts=2))
    assert codes(region) == [(1, "patient_not_listed"), (2, "duplicate_row"), (3, "duplicate_row")]


def test_l9_a_waiting_row_under_an_old_id_is_not_listed_and_is_no_duplicate_of_the_new_one() -> None:
    region = ready(import_links(row(1), part=1, parts=2), id_changed(PATIENT, FIRST, 2))
    assert region.asks(import_links(row(2, FIRST), part=2, parts=2)) == "rows_faulty"
    assert codes(region) == [(1, "patient_not_listed")]


def test_l7_who_was_protected_in_between_and_is_back_is_linked() -> None:
    region = region_of(import_links(row(1), part=1, parts=2), listing(sequence=2, protected=True), listing(sequence=3))
    assert region.asks(import_links(row(2, FIRST), part=2, parts=2)) == "done"
    assert region.link() == Link(UNIT, DOCTOR, TODAY)


def test_c11_rows_that_waited_are_judged_as_those_that_did_not() -> None:
    rows = (
        row(1, "fel"),
        row(2, unit="fel"),
        row(3, unit=OTHER_UNIT),
        row(4, doctor="fel"),
        row(5, start="i morgon"),
        row(6, start="2999-01-01"),
        row(7, doctor=DOCTOR.lower(), unit=UNIT.lower(), start="2026-01-02"),
        row(8, FIRST, doctor="SE2321000131-X"),
        row(9, "191212121212"),
    )
    at_once, waited = region_of(), region_of()
    at_once.happens(import_links(*rows, row(10, SECOND)))
    waited.happens(import_links(*rows, part=1, parts=2))
    waited.happens(import_links(row(10, SECOND), part=2, parts=2))
    assert codes(waited) == codes(at_once) != []
