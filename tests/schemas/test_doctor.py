"""A doctor's availability at a unit."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from schemas.doctor import DoctorAvailability
from tests.schemas.builders import DOCTOR_DATA, to_json


def test_the_example_of_the_contract_comes_out_as_it_went_in_s4() -> None:
    assert DoctorAvailability.model_validate_json(to_json(DOCTOR_DATA)).model_dump(mode="json") == DOCTOR_DATA


def test_a_pair_of_which_nothing_is_known_comes_out_as_it_went_in() -> None:
    data = DOCTOR_DATA | {
        "doctor": {"hsa_id": DOCTOR_DATA["doctor"]["hsa_id"], "vgr_id": None, "name": None, "title": None},
        "employment": None,
        "free_places": None,
        "unavailable_because": ["not_selectable", "not_active", "paused", "absent", "ceiling_reached", "unit_closed"],
    }

    assert DoctorAvailability.model_validate_json(to_json(data)).model_dump(mode="json") == data


def test_no_other_reason_can_be_given() -> None:
    with pytest.raises(ValidationError):
        DoctorAvailability.model_validate_json(to_json(DOCTOR_DATA | {"unavailable_because": ["ill"]}))
