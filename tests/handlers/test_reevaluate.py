"""When a link ends, what its last day is, and which reason is given (E1-E3)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.harness.builders import (
    DOCTOR,
    LONG_AGO,
    OTHER_UNIT,
    PATIENT,
    TODAY,
    TOMORROW,
    UNIT,
    YESTERDAY,
    choice,
    jobless,
    link,
    listing,
    post,
    staff,
    staff_removed,
    unit,
    unit_removed,
    unlink,
)
from tests.harness.region import ready

MARCH, APRIL, MAY = date(2026, 3, 1), date(2026, 4, 1), date(2026, 5, 1)
LINKED = link(start=MARCH.isoformat())


@pytest.mark.parametrize(
    ("fact", "last"),
    [
        (listing(PATIENT, choice(OTHER_UNIT, MAY), sequence=2), MAY - timedelta(days=1)),
        (listing(PATIENT, choice(), choice(OTHER_UNIT, MAY), sequence=2), MAY - timedelta(days=1)),
        (listing(PATIENT, choice(OTHER_UNIT, TODAY), sequence=2), YESTERDAY),
        (listing(PATIENT, None, sequence=2), TODAY),
        (staff(DOCTOR, post(end=APRIL), version=2), APRIL),
        (staff(DOCTOR, post(end=APRIL), post(code="201010", end=MAY), post(start=TOMORROW), version=2), MAY),
        (staff(DOCTOR, post(end=APRIL), post(code="251010", end=MAY), post(OTHER_UNIT, end=MAY), version=2), APRIL),
        (jobless(version=2), TODAY),
        (staff(version=2, licences=()), TODAY),
        (staff(DOCTOR, post(end=APRIL), version=2, licences=()), APRIL),
        (staff(DOCTOR, post(), post(end=APRIL), version=2, licences=()), TODAY),
        (staff_removed(), TODAY),
        (staff(version=2, protected=True), TODAY),
        (unit(version=2, end=MAY), MAY),
        (unit(version=2, kind="other"), TODAY),
        (unit_removed(), TODAY),
        (unlink(), TODAY),
    ],
    ids=[
        "relisted", "relisted by an upcoming", "relisted today", "unlisted", "employment over", "the latest of them",
        "of this unit and of doctors", "employment gone", "licence lost", "licence lost after the employment",
        "licence lost before it", "person removed", "withdrawn", "unit with an end", "unit of another kind",
        "unit removed", "unlinked",
    ],
)  # fmt: skip
def test_e1_the_last_day_of_a_link(fact: object, last: date) -> None:
    assert ready(LINKED, fact).value()["end"] == last.isoformat()


@pytest.mark.parametrize(
    "fact",
    [
        listing(PATIENT, choice(OTHER_UNIT, LONG_AGO), sequence=2),
        staff(DOCTOR, post(end=LONG_AGO), version=2),
        unit(version=2, end=LONG_AGO),
    ],
    ids=["relisted", "doctor left", "unit closed"],
)
def test_e1_never_before_the_links_first_day(fact: object) -> None:
    assert ready(LINKED, fact).value()["end"] == MARCH.isoformat()


def test_e1_never_after_today() -> None:
    later = choice(OTHER_UNIT, TOMORROW + timedelta(days=9))
    assert ready(LINKED, listing(PATIENT, later, sequence=2)).value()["end"] == TODAY.isoformat()
    removed = ready(LINKED, unit(version=2, end=TOMORROW), unit_removed(version=3))
    assert removed.value()["end"] == TODAY.isoformat()
    first = listing(PATIENT, choice(OTHER_UNIT, date.min), sequence=2)
    assert ready(LINKED, first).value()["end"] == MARCH.isoformat()


GONE = choice(OTHER_UNIT, TOMORROW)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ((listing(PATIENT, choice(), GONE, sequence=2), unit(version=2, end=TODAY)), "relisted"),
        ((listing(PATIENT, choice(), GONE, sequence=2), staff(DOCTOR, post(end=TODAY), version=2)), "relisted"),
        ((unit(version=2, end=TODAY), staff(DOCTOR, post(end=TODAY), version=2)), "unit_closed"),
    ],
    ids=["relisted before closed", "relisted before left", "closed before left"],
)
def test_e2_of_several_reasons_on_one_day_the_first_in_order_is_told(facts: tuple[object, ...], reason: str) -> None:
    region = ready(LINKED, *facts)
    region.day_begins(TOMORROW)
    assert region.changes_of()[1:] == [("ended", reason)]


def test_e2_a_doctor_protected_and_without_employment_is_withdrawn() -> None:
    assert ready(LINKED, jobless(version=2, protected=True)).changes_of()[1:] == [("ended", "doctor_withdrawn")]


def test_e2_a_protected_patient_who_relists_is_withdrawn() -> None:
    region = ready(LINKED, listing(PATIENT, choice(OTHER_UNIT, TODAY), sequence=2, protected=True))
    assert region.changes_of()[1:] == [("withdrawn", "patient_protected")]


def test_e3_an_ended_event_names_the_doctor_by_id_only() -> None:
    value = ready(LINKED, unlink()).value()
    assert (value["status"], value["doctor"]) == ("ended", {"hsa_id": DOCTOR, "name": None, "title": None})
    assert value["unit"] == {"hsa_id": UNIT, "name": "Vårdcentralen Majorna", "care_giver_hsa_id": None}
