"""A person in KiV."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.staff import AbsenceData, EmploymentData, StaffRemoved, StaffState
from tests.schemas.builders import DOCTOR, STAFF_DATA, UNIT, to_json, without

POST = STAFF_DATA["employments"][0]
LEAST = {"hsa_id": DOCTOR, "version": 1, "given_name": "Jon", "surname": "Karlström"}


def test_the_example_of_the_contract_is_read_whole() -> None:
    assert StaffState.model_validate_json(to_json(STAFF_DATA)) == StaffState(
        hsa_id=DOCTOR,
        version=20260504083000,
        vgr_id="jonka3",
        given_name="Jon",
        surname="Karlström",
        protected=False,
        licences=("LK",),
        specialties=("20200",),
        employments=(
            EmploymentData(
                unit_hsa_id=UNIT,
                position_code="202010",
                title="Geriatriker",
                start=date(2023, 11, 5),
                end=None,
                absences=(AbsenceData(start=date(2026, 7, 1), end=date(2026, 8, 15)),),
            ),
        ),
    )


def test_it_comes_out_as_it_went_in() -> None:
    assert StaffState.model_validate_json(to_json(STAFF_DATA)).model_dump(mode="json") == STAFF_DATA


def test_the_rest_defaults_to_false_empty_or_null_also_when_null_is_said() -> None:
    names = ("vgr_id", "protected", "licences", "specialties", "employments")
    nulls: dict[str, Any] = dict.fromkeys(names)

    left_out, said = (StaffState.model_validate_json(to_json(data)) for data in (LEAST, LEAST | nulls))

    assert left_out == said
    assert [getattr(said, name) for name in names] == [None, False, (), (), ()]


def test_of_an_employment_only_the_unit_is_required() -> None:
    bare = EmploymentData.model_validate_json(to_json({"unit_hsa_id": UNIT}))
    nulls = EmploymentData.model_validate_json(to_json(dict.fromkeys(POST) | {"unit_hsa_id": UNIT}))

    assert bare == nulls == EmploymentData(unit_hsa_id=UNIT)


def test_ids_are_kept_upper_case() -> None:
    post = EmploymentData.model_validate_json(to_json({"unit_hsa_id": UNIT.lower()}))

    assert post.unit_hsa_id == UNIT


@pytest.mark.parametrize(
    "data",
    [
        *(without(LEAST, name) for name in LEAST),
        *(LEAST | {name: None} for name in LEAST),
        LEAST | {"hsa_id": "jon"},
        LEAST | {"version": "1"},
        LEAST | {"version": 1.5},
        LEAST | {"version": 2**63},
        LEAST | {"protected": "false"},
        LEAST | {"protected": 0},
        LEAST | {"licences": "LK"},
        LEAST | {"licences": [None]},
        LEAST | {"specialties": [20200]},
        LEAST | {"employments": {}},
        LEAST | {"employments": [None]},
        LEAST | {"employments": [without(POST, "unit_hsa_id")]},
        LEAST | {"employments": [POST | {"unit_hsa_id": "Majorna"}]},
        LEAST | {"employments": [POST | {"position_code": 202010}]},
        LEAST | {"employments": [POST | {"start": "2023-11-5"}]},
        LEAST | {"employments": [POST | {"end": "2023-11-05T00:00:00"}]},
        LEAST | {"employments": [POST | {"absences": [{"start": 5}]}]},
        LEAST | {"employments": [POST | {"absences": [[]]}]},
    ],
)
def test_what_is_missing_or_ill_typed_is_refused(data: Any) -> None:
    with pytest.raises(ValidationError):
        StaffState.model_validate_json(to_json(data))


def test_a_removal_needs_id_and_version() -> None:
    assert StaffRemoved.model_validate_json(to_json({"hsa_id": DOCTOR, "version": 7})).version == 7
    for data in ({"hsa_id": DOCTOR}, {"version": 7}):
        with pytest.raises(ValidationError):
            StaffRemoved.model_validate_json(to_json(data))
