"""Why a record could not be understood."""

from __future__ import annotations

import pickle

from schemas.errors import DeadLetterCode, Undecodable


def test_the_codes_are_those_of_the_contract_in_the_order_they_are_judged() -> None:
    assert [code.value for code in DeadLetterCode] == [
        "too_large",
        "invalid_json",
        "invalid_envelope",
        "unknown_type",
        "invalid_data",
        "handler_failed",
    ]


def test_the_text_says_code_path_and_rule() -> None:
    error = Undecodable(DeadLetterCode.INVALID_DATA, "version: Field required")

    assert str(error) == "invalid_data: version: Field required"


def test_it_survives_the_way_between_processes() -> None:
    error = pickle.loads(pickle.dumps(Undecodable(DeadLetterCode.INVALID_JSON, "value: should be JSON in UTF-8")))

    assert error.reason[:2] == (DeadLetterCode.INVALID_JSON, "value: should be JSON in UTF-8")
