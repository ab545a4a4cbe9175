"""`move-patients` (C9)."""

from __future__ import annotations

import pytest

from handlers.world import Link
from tests.harness.builders import (
    DOCTOR,
    NEW_PATIENT,
    OTHER_DOCTOR,
    OTHER_UNIT,
    PATIENT,
    TODAY,
    UNIT,
    deactivate,
    head,
    link,
    listing,
    move,
    patients,
    pause,
    post,
    staff,
    update,
)
from tests.harness.region import Region, ready

ONE, TWO, THREE = sorted([PATIENT, *patients(2)])
BOTH = (DOCTOR, OTHER_DOCTOR)


def region_of(*events: object) -> Region:
    """Three patients of the first doctor, and a second doctor; and then."""
    listed = [listing(patient) for patient in (ONE, TWO, THREE)]
    linked = [link(patient, start="2026-01-02") for patient in (ONE, TWO, THREE)]
    return ready(*listed, *linked, *events, doctors=BOTH)


def faulty(region: Region) -> list[tuple[int, str]]:
    return [(row["row"], row["code"]) for row in region.reply["faulty_rows"]]


def test_c9_all_patients_move_one_replaced_change_each_from_today() -> None:
    region = region_of()
    assert region.asks(move()) == "done"
    assert region.since(3) == [(patient, "replaced", "moved") for patient in (ONE, TWO, THREE)]
    assert region.link(ONE) == Link(UNIT, OTHER_DOCTOR, TODAY)
    assert region.reply["counts"] == {"total": 3, "approved": 3, "faulty": 0, "updated": 3}


def test_c9_some_patients_move() -> None:
    region = region_of()
    assert region.asks(move([THREE, ONE])) == "done"
    assert region.linked(OTHER_DOCTOR) == [int(ONE), int(THREE)]


def test_c9_both_doctors_the_same_is_unchanged_before_anything_else() -> None:
    region = region_of(pause())
    assert region.asks(move(["fel"], target=DOCTOR)) == "unchanged"
    assert region.reply["counts"] == {"total": 0, "approved": 0, "faulty": 0, "updated": 0}


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ([deactivate(OTHER_DOCTOR)], "doctor_not_active"),
        ([pause(OTHER_DOCTOR)], "doctor_paused"),
        ([staff(OTHER_DOCTOR, post(away=((TODAY, TODAY),)), version=2)], "doctor_absent"),
    ],
)
def test_c9_the_receiving_doctor_is_judged_before_the_patients(facts: list[object], code: str) -> None:
    region = region_of(*facts)
    assert region.asks(move(["fel"])) == code
    assert region.reply["counts"] is None


def test_c9_every_patient_is_judged_by_the_first_fault_and_any_refuses_the_whole() -> None:
    region = region_of(update(OTHER_DOCTOR, age_max=40), listing(NEW_PATIENT))
    assert region.asks(move(["fel", ONE, "fel", PATIENT, PATIENT, NEW_PATIENT])) == "rows_faulty"
    assert faulty(region) == [
        (1, "invalid_patient_id"),
        (2, "age_outside_limits"),
        (3, "invalid_patient_id"),
        (5, "duplicate_row"),
        (6, "no_such_link"),
    ]
    assert region.reply["counts"] == {"total": 6, "approved": 1, "faulty": 5, "updated": 0}
    assert len(region.link_changes) == 3


def test_c9_of_all_patients_the_rows_count_by_patient_id() -> None:
    region = region_of(update(OTHER_DOCTOR, age_max=40))
    assert region.asks(move()) == "rows_faulty"
    assert faulty(region) == [(1, "age_outside_limits"), (2, "age_outside_limits")]


def test_c9_nobody_to_move_is_unchanged_whatever_the_ceiling() -> None:
    region = ready(update(OTHER_DOCTOR, patient_ceiling=0), doctors=BOTH)
    assert (region.asks(move()), region.asks(move([]))) == ("unchanged", "unchanged")


def test_c9_when_they_do_not_all_fit_nobody_moves() -> None:
    region = region_of(update(OTHER_DOCTOR, patient_ceiling=2))
    assert region.asks(move()) == "ceiling_reached"
    assert (region.reply["counts"], len(region.link_changes)) == (None, 3)
    assert region.asks(move([ONE, TWO])) == "done"


def test_c9_age_and_ceiling_can_be_overridden() -> None:
    region = region_of(update(OTHER_DOCTOR, patient_ceiling=0, age_min=99))
    assert region.asks(move(override=("ceiling",))) == "rows_faulty"
    assert region.asks(move(override=("age",))) == "ceiling_reached"
    assert region.asks(move(override=("age", "ceiling"))) == "done"
    assert region.last(ONE).override


def test_c9_only_patients_of_this_unit_move() -> None:
    region = region_of(
        staff(DOCTOR, post(), post(OTHER_UNIT), version=2), staff(OTHER_DOCTOR, post(), post(OTHER_UNIT), version=2)
    )
    assert region.asks(move([ONE], head=head(OTHER_UNIT))) == "doctor_not_active"


def test_contract_a_dry_run_is_answered_alike_and_changes_nothing() -> None:
    region = region_of()
    assert region.asks(move(dry_run=True)) == "done"
    assert (region.reply["dry_run"], region.reply["counts"]["updated"], len(region.link_changes)) == (True, 3, 3)
