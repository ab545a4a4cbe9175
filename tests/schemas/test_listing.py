"""A patient's vårdval."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.listing import ChoiceData, ListingState, PatientIdChanged
from tests.schemas.builders import LISTING_DATA, NEW_PATIENT, OTHER_UNIT, PATIENT, UNIT, to_json, without

CHOICE = LISTING_DATA["current"]
LEAST = {"patient_id": PATIENT, "sequence": 5}


def test_the_example_of_the_contract_is_read_whole_l1() -> None:
    assert ListingState.model_validate_json(to_json(LISTING_DATA)) == ListingState(
        patient_id=PATIENT,
        sequence=5,
        protected=False,
        current=ChoiceData(unit_hsa_id=UNIT, valid_from=date(2026, 2, 17), reason="Aktivt val på vårdcentral"),
        upcoming=ChoiceData(unit_hsa_id=OTHER_UNIT, valid_from=date(2026, 6, 1), reason="Aktivt val via 1177"),
        care_burden=1.37,
    )


def test_it_comes_out_as_it_went_in() -> None:
    assert ListingState.model_validate_json(to_json(LISTING_DATA)).model_dump(mode="json") == LISTING_DATA


def test_choices_and_care_burden_may_be_null_or_missing() -> None:
    nulls: dict[str, Any] = dict.fromkeys(("current", "upcoming", "care_burden"))

    left_out, said = (ListingState.model_validate_json(to_json(data)) for data in (LEAST, LEAST | nulls))

    assert left_out == said == ListingState(patient_id=PATIENT, sequence=5)


def test_the_reason_may_be_null_or_missing() -> None:
    bare, said = (
        to_json(LEAST | {"current": choice}) for choice in (without(CHOICE, "reason"), CHOICE | {"reason": None})
    )

    assert ListingState.model_validate_json(bare) == ListingState.model_validate_json(said)


@pytest.mark.parametrize("burden", [0, 0.0, 3, 1e-300, 1_000_000])
def test_a_care_burden_is_any_number_from_nought_to_a_million(burden: float) -> None:
    assert ListingState.model_validate_json(to_json(LEAST | {"care_burden": burden})).care_burden == burden


@pytest.mark.parametrize("patient_id", ["1990060223TF", "199006322397", "199013022391"])
def test_ids_that_are_recognised_and_left_out_can_be_read_l8(patient_id: str) -> None:
    assert ListingState.model_validate_json(to_json(LEAST | {"patient_id": patient_id})).patient_id == patient_id


@pytest.mark.parametrize(
    "data",
    [
        *(without(LEAST, name) for name in LEAST),
        *(LEAST | {name: None} for name in LEAST),
        LEAST | {"patient_id": "9006022397"},
        LEAST | {"patient_id": "199006022398"},
        LEAST | {"patient_id": int(PATIENT)},
        LEAST | {"sequence": "5"},
        LEAST | {"sequence": 5.0},
        LEAST | {"sequence": True},
        LEAST | {"sequence": -(2**63) - 1},
        LEAST | {"protected": None},
        LEAST | {"protected": 1},
        LEAST | {"protected": "true"},
        LEAST | {"current": []},
        LEAST | {"current": {}},
        LEAST | {"current": without(CHOICE, "unit_hsa_id")},
        LEAST | {"current": without(CHOICE, "valid_from")},
        LEAST | {"current": CHOICE | {"unit_hsa_id": None}},
        LEAST | {"current": CHOICE | {"unit_hsa_id": "SE2321000131"}},
        LEAST | {"current": CHOICE | {"valid_from": None}},
        LEAST | {"current": CHOICE | {"valid_from": "2026-02-30"}},
        LEAST | {"upcoming": CHOICE | {"valid_from": "1769904000"}},
        LEAST | {"upcoming": CHOICE | {"reason": 5}},
        LEAST | {"care_burden": -0.1},
        LEAST | {"care_burden": "1.37"},
        LEAST | {"care_burden": True},
    ],
)
def test_what_is_missing_ill_typed_or_out_of_range_is_refused(data: Any) -> None:
    with pytest.raises(ValidationError):
        ListingState.model_validate_json(to_json(data))


def test_a_changed_id_names_both_and_a_sequence_l9() -> None:
    data = {"patient_id": PATIENT, "new_patient_id": NEW_PATIENT, "sequence": 6}

    assert PatientIdChanged.model_validate_json(to_json(data)).model_dump() == data
    for broken in (*(without(data, name) for name in data), data | {"new_patient_id": "199006022398"}):
        with pytest.raises(ValidationError):
            PatientIdChanged.model_validate_json(to_json(broken))
