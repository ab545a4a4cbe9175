"""What is said again: whose keys are chosen, and which headers the record has."""

from __future__ import annotations

import pytest

from schemas.fast_lakarkontakt import FastLakarkontakt
from schemas.topics import FAST_LAKARKONTAKT, LISTNING_DOCTOR
from tests.harness.builders import OTHER_DOCTOR, OTHER_UNIT
from tests.schemas.builders import DOCTOR, FAST_LAKARKONTAKT_DATA, UNIT, to_json
from workers.operations.republish import Chosen, again

KEY, NOBODY = "a" * 26, "b" * 26
LINKED = FastLakarkontakt.model_validate_json(to_json(FAST_LAKARKONTAKT_DATA))


def chosen(*, units: str = "", keys: str = "", pairs: str = "") -> Chosen:
    """By names, separated by blanks."""
    return Chosen(frozenset(units.split()), frozenset(keys.split()), frozenset(pairs.split()))


@pytest.mark.parametrize(
    ("choice", "patient", "withdrawn", "pair"),
    [
        (Chosen(everything=True), True, True, True),
        (chosen(units=UNIT), True, False, True),
        (chosen(units=OTHER_UNIT), False, False, False),
        (chosen(pairs=f"{UNIT}/{DOCTOR}"), True, False, True),
        (chosen(pairs=f"{UNIT}/{OTHER_DOCTOR}"), False, False, False),
        (chosen(keys=KEY), True, True, False),
        (chosen(keys=NOBODY), False, False, False),
        (chosen(keys=NOBODY, units=UNIT), True, False, True),
    ],
)
def test_republish_chooses_a_key_by_any_of_the_options(
    choice: Chosen, patient: bool, withdrawn: bool, pair: bool
) -> None:
    assert choice.takes(FAST_LAKARKONTAKT, KEY, LINKED) == patient
    assert choice.takes(FAST_LAKARKONTAKT, KEY, None) == withdrawn
    assert choice.takes(LISTNING_DOCTOR, f"{UNIT}/{DOCTOR}", None) == pair
    assert Chosen.from_json(choice.as_json()) == choice


def test_o6_a_record_said_again_has_its_headers_and_those_of_the_run_alone() -> None:
    before = [
        ("ce_id", b"a/3"),
        ("fastlakare_run", b"earlier"),
        ("traceparent", b"00-1"),
        ("republished", b"earlier"),
        ("fastlakare-seq", b"1/2"),
    ]
    own = [("fastlakare_run", b"this"), ("republished", b"this")]
    assert again(before, "this") == [("ce_id", b"a/3"), ("traceparent", b"00-1"), *own]
