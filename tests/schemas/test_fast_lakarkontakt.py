"""One patient's fast läkarkontakt, as 1177 hears it."""

from __future__ import annotations

from typing import get_args

import pytest
from pydantic import ValidationError

from schemas.fast_lakarkontakt import Change, FastLakarkontakt, FastLakarkontaktWithdrawn, Reason
from tests.schemas.builders import DOCTOR, FAST_LAKARKONTAKT_DATA, UNIT, to_json


def test_the_example_of_the_contract_comes_out_as_it_went_in_p2() -> None:
    read = FastLakarkontakt.model_validate_json(to_json(FAST_LAKARKONTAKT_DATA))

    assert read.model_dump(mode="json") == FAST_LAKARKONTAKT_DATA


def test_an_ended_link_names_the_doctor_by_id_only_e3() -> None:
    data = FAST_LAKARKONTAKT_DATA | {
        "status": "ended",
        "change": "ended",
        "reason": "relisted",
        "doctor": {"hsa_id": DOCTOR, "name": None, "title": None},
        "unit": {"hsa_id": UNIT, "name": None, "care_giver_hsa_id": None},
        "end": "2026-05-31",
        "changed_at": "2026-06-01T00:00:00.250000Z",
    }

    assert FastLakarkontakt.model_validate_json(to_json(data)).model_dump(mode="json") == data


def test_changes_and_reasons_are_those_of_the_contract() -> None:
    assert len(get_args(Change)) == 6
    assert len(get_args(Reason)) == 15


@pytest.mark.parametrize("broken", [{"revision": 0}, {"change": "moved"}, {"changed_at": "2026-05-26T09:13:05"}])
def test_what_the_contract_does_not_know_cannot_be_said(broken: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FastLakarkontakt.model_validate_json(to_json(FAST_LAKARKONTAKT_DATA | broken))


def test_a_withdrawal_is_a_null_value_l7() -> None:
    assert FastLakarkontaktWithdrawn(None).model_dump_json() == "null"
