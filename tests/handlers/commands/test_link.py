"""`link-patient` and `unlink-patient` (C7, C8, C12, C13)."""

from __future__ import annotations

import pytest

from handlers.world import Link
from tests.harness.builders import (
    DOCTOR,
    LONG_AGO,
    NEW_PATIENT,
    OTHER_DOCTOR,
    OTHER_UNIT,
    PATIENT,
    TODAY,
    TOMORROW,
    UNIT,
    choice,
    deactivate,
    head,
    link,
    listing,
    pause,
    post,
    staff,
    unit,
    unlink,
    update,
)
from tests.harness.region import Region, ready

ABSENT = staff(DOCTOR, post(away=((TODAY, None),)), version=2)


def test_c7_the_patient_is_linked_from_today() -> None:
    region = ready()
    assert region.asks(link()) == "done"
    assert region.changes_of() == [("assigned", "linked_by_unit")]
    assert region.link() == Link(UNIT, DOCTOR, TODAY)


@pytest.mark.parametrize(
    "facts",
    [
        (listing(PATIENT, choice(OTHER_UNIT), sequence=2),),
        (listing(PATIENT, None, sequence=2),),
        (listing(sequence=2, protected=True),),
    ],
    ids=["elsewhere", "nowhere", "protected"],
)
def test_c7_a_patient_not_listed_at_the_unit_today_is_refused(facts: tuple[object, ...]) -> None:
    assert ready(*facts).asks(link()) == "patient_not_listed"


def test_c7_a_patient_unknown_is_not_listed() -> None:
    assert ready().asks(link(NEW_PATIENT)) == "patient_not_listed"


def test_c7_already_linked_is_unchanged_and_not_judged_again() -> None:
    region = ready(link(), update(patient_ceiling=0, age_min=90), pause(), ABSENT)
    assert region.asks(link()) == "unchanged"
    assert region.asks(link(start=TODAY.isoformat())) == "unchanged"


def test_c7_a_different_start_is_set_right() -> None:
    region = ready(link(), pause())
    assert region.asks(link(start="2026-01-02")) == "done"
    assert region.changes_of()[1:] == [("redated", "linked_by_unit")]
    assert region.value()["start"] == "2026-01-02"


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ((update(patient_ceiling=0, age_min=90), pause(), ABSENT, deactivate()), "doctor_not_active"),
        ((update(patient_ceiling=0, age_min=90), pause(), ABSENT), "doctor_paused"),
        ((update(patient_ceiling=0, age_min=90), ABSENT), "doctor_absent"),
        ((update(patient_ceiling=0, age_min=90),), "age_outside_limits"),
        ((update(patient_ceiling=0),), "ceiling_reached"),
    ],
)
def test_c7_the_doctor_is_judged_in_this_order(facts: tuple[object, ...], code: str) -> None:
    assert ready(*facts).asks(link()) == code


def test_c7_a_listing_elsewhere_is_told_before_any_fault_of_the_doctor() -> None:
    assert ready(deactivate()).asks(link(NEW_PATIENT)) == "patient_not_listed"


def test_c7_age_and_ceiling_can_be_overridden_each_by_name() -> None:
    region = ready(update(patient_ceiling=0, age_min=90))
    assert region.asks(link(override=("ceiling",))) == "age_outside_limits"
    assert region.asks(link(override=("age",))) == "ceiling_reached"
    assert region.asks(link(override=("age", "ceiling"))) == "done"
    assert region.last().override


def test_c7_without_an_override_of_the_ceiling_none_is_noted() -> None:
    region = ready(update(age_min=90))
    assert region.asks(link(override=("age",))) == "done"
    assert not region.last().override


def test_c7_the_last_free_place_goes_to_one() -> None:
    region = ready(update(patient_ceiling=1), listing(NEW_PATIENT))
    region.happens(link(), link(NEW_PATIENT))
    assert (region.reply["code"], region.linked()) == ("ceiling_reached", [int(PATIENT)])


def test_c7_linked_to_another_is_replaced_in_one_change() -> None:
    region = ready(link(start="2026-01-02"), link(PATIENT, OTHER_DOCTOR), doctors=(DOCTOR, OTHER_DOCTOR))
    assert region.changes_of()[1:] == [("replaced", "linked_by_unit")]
    assert region.link() == Link(UNIT, OTHER_DOCTOR, TODAY)


def test_c8_the_link_ends() -> None:
    region = ready(link())
    assert region.asks(unlink()) == "done"
    assert region.changes_of()[1:] == [("ended", "unlinked_by_unit")]


def test_c8_no_link_at_this_unit_is_refused() -> None:
    assert ready().asks(unlink()) == "no_such_link"
    assert Region().asks(unlink()) == "no_such_link"
    assert ready(link(), unit(OTHER_UNIT)).asks(unlink(head=head(OTHER_UNIT))) == "no_such_link"
    assert ready(link(), listing(sequence=2, protected=True)).asks(unlink()) == "no_such_link"


def test_c12_a_date_may_lie_in_the_past_never_in_the_future() -> None:
    region = ready()
    assert region.asks(link(start=TOMORROW.isoformat())) == "date_in_future"
    assert region.asks(link(start=LONG_AGO.isoformat())) == "done"
    assert region.value()["start"] == LONG_AGO.isoformat()
