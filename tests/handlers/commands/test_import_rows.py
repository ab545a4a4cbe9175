"""The rows of an import, each by its first fault, and the ceiling of the file as a whole (C11)."""

from __future__ import annotations

import pytest

from handlers.world import Policy
from schemas.command import ImportRow
from tests.harness.builders import (
    DOCTOR,
    OTHER_DOCTOR,
    OTHER_UNIT,
    PATIENT,
    SAMORDNINGSNUMMER,
    THIRD_UNIT,
    TODAY,
    TOMORROW,
    UNIT,
    deactivate,
    import_links,
    jobless,
    link,
    listing,
    patients,
    pause,
    post,
    row,
    staff,
    unit,
    update,
)
from tests.harness.region import Region, ready

A, B, C, D = patients(4)
BOTH = (DOCTOR, OTHER_DOCTOR)
ABSENT = staff(DOCTOR, post(away=((TODAY, None),)), version=2)


def region_of(*events: object) -> Region:
    """Four more patients without a doctor, two doctors; and then."""
    return ready(*map(listing, (A, B, C, D)), *events, doctors=BOTH)


def faults(region: Region, *rows: ImportRow, override: tuple[str, ...] = ()) -> list[tuple[int, str]]:
    """Row numbers with their codes, in a dry run."""
    region.happens(import_links(*rows, dry_run=True, override=override))
    return [(one["row"], one["code"]) for one in region.reply["faulty_rows"] or ()]


LATE = TOMORROW.isoformat()


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (row(5, "fel", "fel", "fel", "fel"), "invalid_patient_id"),
        (row(5, SAMORDNINGSNUMMER), "invalid_patient_id"),
        (row(5, A, "fel", OTHER_UNIT, "fel"), "invalid_hsa_id"),
        (row(5, A, DOCTOR, "fel", "fel"), "invalid_hsa_id"),
        (row(5, A, DOCTOR, OTHER_UNIT, "fel"), "invalid_date"),
        (row(5, A, DOCTOR, OTHER_UNIT, "2026-W01-1"), "invalid_date"),
        (row(5, A, DOCTOR, OTHER_UNIT, LATE), "date_in_future"),
        (row(5, PATIENT, DOCTOR, OTHER_UNIT), "unit_mismatch"),
        (row(5, PATIENT, "SE2321000131-E000000009999"), "duplicate_row"),
        (row(5, patients(5)[4], "SE2321000131-E000000009999"), "patient_not_listed"),
        (row(5, A, "SE2321000131-E000000009999"), "doctor_not_active"),
    ],
)
def test_c11_a_row_is_judged_by_its_first_fault(wrong: ImportRow, code: str) -> None:
    assert faults(region_of(), row(1), wrong) == [(5, code)]


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ([update(patient_ceiling=0, age_min=90), pause(), ABSENT, deactivate()], "doctor_not_active"),
        ([update(patient_ceiling=0, age_min=90), pause(), ABSENT], "doctor_paused"),
        ([update(patient_ceiling=0, age_min=90), ABSENT], "doctor_absent"),
        ([update(patient_ceiling=0, age_min=90)], "age_outside_limits"),
        ([update(patient_ceiling=0)], "ceiling_reached"),
    ],
)
def test_c11_then_the_doctor_is_judged_in_this_order(facts: list[object], code: str) -> None:
    assert faults(region_of(*facts), row(1)) == [(1, code)]


def test_c11_the_regions_own_sentences_stand_in_the_rows() -> None:
    region = region_of()
    region.happens(import_links(row(1, doctor="SE2321000131-E000000009999"), row(2, patients(5)[4])))
    assert [one["message"] for one in region.reply["faulty_rows"]] == [
        "HSA-id saknas för läkare hos vårdcentral",
        "Personnummer matchar inte vårdcentral vårdval",
    ]


def test_c11_the_doctor_the_patient_already_has_is_not_judged_on_pause_absence_age_or_ceiling() -> None:
    region = region_of(link(), update(patient_ceiling=0, age_min=90), pause(), ABSENT)
    assert faults(region, row(1), row(2, A, OTHER_DOCTOR)) == []
    assert region.asks(import_links(row(1, start="2026-01-02"))) == "done"
    assert region.changes_of()[1:] == [("redated", "imported")]


def test_c11_but_a_doctor_who_is_not_active_is_told_so() -> None:
    policy = Policy(end_links_of_leavers=False)
    assert faults(ready(link(), jobless(version=2), policy=policy), row(1)) == [(1, "doctor_not_active")]


def test_c11_an_old_id_of_the_unit_is_the_unit() -> None:
    assert faults(region_of(unit(THIRD_UNIT, replaced_by=UNIT)), row(1, unit=THIRD_UNIT.lower())) == []


def test_c11_the_last_of_a_doctors_new_rows_are_above_the_ceiling() -> None:
    region = region_of(update(patient_ceiling=2))
    assert faults(region, row(9, A), row(8, B), row(7, C), row(6, D, OTHER_DOCTOR)) == [(7, "ceiling_reached")]


def test_c11_the_ceiling_counts_those_who_are_there_already() -> None:
    region = region_of(update(patient_ceiling=2), link())
    assert faults(region, row(1, A), row(2), row(3, B)) == [(3, "ceiling_reached")]


def test_c11_who_leaves_the_doctor_in_the_same_file_makes_room() -> None:
    region = region_of(update(patient_ceiling=1), link())
    assert faults(region, row(1, A), row(2, PATIENT, OTHER_DOCTOR)) == []
    assert region.asks(import_links(row(1, A), row(2, PATIENT, OTHER_DOCTOR))) == "done"
    assert (region.linked(), region.linked(OTHER_DOCTOR)) == ([int(A)], [int(PATIENT)])


def test_c11_rows_with_an_earlier_fault_take_no_place() -> None:
    region = region_of(update(patient_ceiling=1))
    assert faults(region, row(1, A, start="fel"), row(2, B)) == [(1, "invalid_date")]


def test_c11_a_doctor_above_the_ceiling_already_takes_no_new_rows_and_keeps_the_old() -> None:
    region = region_of(link(), link(A), update(patient_ceiling=1))
    assert faults(region, row(1), row(2, A), row(3, B)) == [(3, "ceiling_reached")]


def test_c11_age_and_ceiling_can_be_overridden_each_by_name() -> None:
    region = region_of(update(patient_ceiling=0, age_min=90))
    assert faults(region, row(1), override=("ceiling",)) == [(1, "age_outside_limits")]
    assert faults(region, row(1), override=("age",)) == [(1, "ceiling_reached")]
    assert faults(region, row(1), override=("age", "ceiling")) == []


def test_c11_faulty_rows_are_named_in_the_order_of_the_file_whatever_their_numbers() -> None:
    region = region_of(update(patient_ceiling=1))
    assert faults(region, row(9, A), row(4, B), row(6, "fel"), row(1, C)) == [
        (4, "ceiling_reached"),
        (6, "invalid_patient_id"),
        (1, "ceiling_reached"),
    ]
