"""Vårdval says where a patient is listed (L1-L8, P1, P2)."""

from __future__ import annotations

from datetime import date

import pytest

from handlers import listing as listing_topic
from handlers.world import Forgotten, Link
from handlers.world.changes import Outcome, Pair
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
    head,
    link,
    listing,
    tombstone,
    unlink,
)
from tests.harness.region import ready

ELSEWHERE = choice(OTHER_UNIT, TODAY)
SOON_ELSEWHERE = choice(OTHER_UNIT, TOMORROW)


def test_l1_the_same_sequence_again_is_unchanged() -> None:
    region = ready(link())
    assert region.happens(listing()) == Outcome.UNCHANGED
    assert region.changes_of() == [("assigned", "linked_by_unit")]


def test_l1_the_whole_vardval_is_taken() -> None:
    region = ready(listing(PATIENT, choice(UNIT, YESTERDAY), SOON_ELSEWHERE, sequence=2, care_burden=1.37))
    patient = region.patients[int(PATIENT)]
    assert patient.current is not None
    assert patient.upcoming is not None
    assert (patient.current.valid_from, patient.upcoming.unit, patient.care_burden) == (YESTERDAY, OTHER_UNIT, 1.37)


@pytest.mark.parametrize(
    ("current", "upcoming", "listed"),
    [
        (choice(UNIT), None, True),
        (choice(UNIT, TOMORROW), None, True),
        (choice(UNIT), SOON_ELSEWHERE, True),
        (choice(UNIT), ELSEWHERE, False),
        (ELSEWHERE, choice(UNIT, TODAY), True),
        (None, choice(UNIT, TOMORROW), False),
        (None, None, False),
    ],
)
def test_l2_the_unit_is_the_upcoming_one_once_it_holds_else_the_current_whatever_its_date(
    current: None, upcoming: None, listed: bool
) -> None:
    region = ready(listing(PATIENT, current, upcoming, sequence=2))
    assert region.asks(link()) == ("done" if listed else "patient_not_listed")


def test_l7_a_protected_patient_is_withdrawn_and_only_sequence_and_revision_remain() -> None:
    region = ready(link(), listing(sequence=2, protected=True, care_burden=2.0))
    assert region.changes_of()[1:] == [("withdrawn", "patient_protected")]
    assert (region.last().value, region.last().revision) == (None, 2)
    patient = region.patients[int(PATIENT)]
    assert (patient.sequence, patient.revision, patient.forgotten) == (2, 2, Forgotten.PROTECTED)
    assert (patient.current, patient.upcoming, patient.care_burden, patient.link, patient.due) == (
        None,
        None,
        None,
        None,
        None,
    )


def test_l7_1177_hears_nothing_of_a_protected_patient_it_was_never_told_of() -> None:
    region = ready(listing(sequence=2, protected=True))
    assert region.link_changes == []
    assert region.asks(link()) == "patient_not_listed"


def test_l7_a_null_value_is_sent_also_for_an_ended_link_but_once() -> None:
    region = ready(link(), unlink(), listing(sequence=2, protected=True), listing(sequence=3, protected=True))
    assert region.changes_of()[2:] == [("withdrawn", "patient_protected")]


def test_l7_who_is_protected_again_without_a_link_since_is_not_withdrawn_again() -> None:
    region = ready(link(), *(listing(sequence=number, protected=number % 2 == 0) for number in (2, 3, 4)))
    assert region.changes_of()[1:] == [("withdrawn", "patient_protected")]


def test_l7_a_protected_patient_stays_so_until_a_higher_sequence_without_the_mark() -> None:
    region = ready(link(), listing(sequence=5, protected=True))
    assert region.happens(listing(sequence=4)) == Outcome.STALE
    assert region.happens(listing(sequence=5)) == Outcome.SKIPPED
    assert region.happens(listing(sequence=6, protected=True)) == Outcome.SKIPPED
    assert region.happens(listing(sequence=6)) == Outcome.SKIPPED
    assert region.happens(listing(sequence=7)) == Outcome.APPLIED


def test_contract_a_tombstone_of_a_listing_is_ignored() -> None:
    assert ready(link()).happens(tombstone(None), tombstones=listing_topic) == Outcome.UNCHANGED


def test_p1_the_revision_rises_by_one_with_every_change_of_the_patient() -> None:
    region = ready(link(), unlink(), link(start="2026-05-01"), link(start="2026-05-02"))
    region.happens(listing(PATIENT, None, sequence=2))
    assert region.revisions() == [1, 2, 3, 4, 5]


def test_p2_every_event_carries_the_whole_present_state() -> None:
    region = ready(link(start="2026-03-01"))
    assert region.value() == {
        "patient_id": PATIENT,
        "revision": 1,
        "status": "active",
        "change": "assigned",
        "reason": "linked_by_unit",
        "type": {"system": "1.2.752.129.5.1.69", "code": "2"},
        "doctor": {"hsa_id": DOCTOR, "name": "Jon Karlström", "title": "Geriatriker"},
        "unit": {"hsa_id": UNIT, "name": "Vårdcentralen Majorna", "care_giver_hsa_id": None},
        "start": "2026-03-01",
        "end": None,
        "changed_at": "2026-05-26T12:00:00Z",
    }


def test_contract_the_figures_of_the_doctor_change_with_the_patients_care_burden() -> None:
    region = ready(link(), listing(sequence=2, care_burden=1.0))
    region.stale_statistics.clear()
    region.happens(listing(PATIENT, choice(UNIT, YESTERDAY), sequence=3, care_burden=1.0))
    assert region.stale_statistics == set()
    region.happens(listing(sequence=4, care_burden=1.5))
    assert region.stale_statistics == {Pair(UNIT, DOCTOR)}
    assert ready(listing(sequence=2, care_burden=1.0)).stale_statistics == set()


def test_d3_names_of_patients_are_not_read() -> None:
    assert not {"name", "given_name", "surname"} & set(type(listing()).model_fields)


def test_c14_in_one_batch_a_link_does_not_outlive_the_listing_before_it() -> None:
    region = ready()
    region.happens(listing(PATIENT, ELSEWHERE, sequence=2), link())
    assert region.reply["code"] == "patient_not_listed"
    region.happens(
        listing(PATIENT, choice(UNIT, LONG_AGO), sequence=3), link(), listing(PATIENT, ELSEWHERE, sequence=4)
    )
    assert region.changes_of() == [("assigned", "linked_by_unit"), ("ended", "relisted")]


def test_l3_a_link_elsewhere_is_no_business_of_this_unit() -> None:
    region = ready(link())
    assert region.asks(unlink(head=head(OTHER_UNIT))) == "no_such_link"
    assert region.link() == Link(UNIT, DOCTOR, date(2026, 5, 26))
