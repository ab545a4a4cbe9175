"""A unit in KiV."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.unit import UnitRemoved, UnitState
from tests.schemas.builders import UNIT, UNIT_DATA, to_json, without

LEAST = {"hsa_id": UNIT, "version": 1, "name": "Vårdcentralen Majorna"}


def test_the_example_of_the_contract_is_read_whole() -> None:
    assert UnitState.model_validate_json(to_json(UNIT_DATA)) == UnitState(
        hsa_id=UNIT,
        version=20260101000000,
        name="Vårdcentralen Majorna",
        kind="vardcentral",
        care_giver_hsa_id="SE2321000131-E000000000001",
        start=date(2009, 10, 1),
        end=None,
        replaced_by=None,
    )


def test_it_comes_out_as_it_went_in() -> None:
    assert UnitState.model_validate_json(to_json(UNIT_DATA)).model_dump(mode="json") == UNIT_DATA


def test_a_unit_is_a_vardcentral_unless_it_says_otherwise() -> None:
    bare, said = (UnitState.model_validate_json(to_json(data)) for data in (LEAST, LEAST | {"kind": None}))

    assert bare == said == UnitState(hsa_id=UNIT, version=1, name="Vårdcentralen Majorna", kind="vardcentral")


@pytest.mark.parametrize("kind", ["vardcentral", "jourcentral", "other"])
def test_the_kinds_are_those_of_the_contract(kind: str) -> None:
    assert UnitState.model_validate_json(to_json(LEAST | {"kind": kind})).kind == kind


@pytest.mark.parametrize(
    "data",
    [
        *(without(LEAST, name) for name in LEAST),
        *(LEAST | {name: None} for name in LEAST),
        LEAST | {"kind": "Vardcentral"},
        LEAST | {"kind": "vårdcentral"},
        LEAST | {"kind": 1},
        LEAST | {"care_giver_hsa_id": ""},
        LEAST | {"replaced_by": "Majorna"},
        LEAST | {"start": "2009-10"},
        LEAST | {"end": 20091001},
    ],
)
def test_what_is_missing_or_ill_typed_is_refused(data: Any) -> None:
    with pytest.raises(ValidationError):
        UnitState.model_validate_json(to_json(data))


def test_a_removal_needs_id_and_version() -> None:
    assert UnitRemoved.model_validate_json(to_json({"hsa_id": UNIT.lower(), "version": 7})).hsa_id == UNIT
    for data in ({"hsa_id": UNIT}, {"version": 7}):
        with pytest.raises(ValidationError):
            UnitRemoved.model_validate_json(to_json(data))
