"""`update-doctor-profile` (C6)."""

from __future__ import annotations

from typing import Any

from handlers.world import Profile
from tests.harness.builders import deactivate, link, update
from tests.harness.region import Region, ready


def test_c6_the_doctor_must_be_active() -> None:
    assert Region().asks(update(role="x")) == "doctor_not_active"
    assert ready(deactivate()).asks(update(age_min=2, age_max=1)) == "doctor_not_active"


def test_c6_only_the_fields_given_change_and_null_is_not_set() -> None:
    region = ready(update(work_percent=80, role="x", st_a=True, patient_ceiling=9), update(role=None, age_min=18))
    assert region.entry().profile == Profile(work_percent=80, st_a=True, patient_ceiling=9, age_min=18)
    assert region.asks(update(st_a=None)) == "done"
    assert region.entry().profile.st_a is False


def test_c6_every_field_can_be_set() -> None:
    fields: dict[str, Any] = {
        "work_percent": 50,
        "role": "r",
        "specialisation": "s",
        "st_a": True,
        "patient_group": "g",
    }
    region = ready(update(**fields, patient_ceiling=0, age_min=0, age_max=130))
    assert region.entry().profile == Profile(50, "r", "s", True, "g", 0, 0, 130)


def test_c6_limits_that_cross_in_the_result_are_invalid() -> None:
    region = ready(update(age_max=17))
    assert region.asks(update(age_min=18)) == "invalid_profile"
    assert region.asks(update(age_min=17)) == "done"


def test_c6_nothing_new_is_unchanged() -> None:
    region = ready(update(role="x"))
    assert (region.asks(update(role="x")), region.asks(update())) == ("unchanged", "unchanged")


def test_c6_a_lower_ceiling_or_narrower_ages_remove_no_link() -> None:
    region = ready(link())
    assert region.asks(update(patient_ceiling=0, age_min=90)) == "done"
    assert region.changes_of() == [("assigned", "linked_by_unit")]
