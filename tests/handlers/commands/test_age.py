"""Whole years reached today (glossary: age limits)."""

from __future__ import annotations

from datetime import date

import pytest

from handlers.commands.checks import age, fits
from handlers.world import Profile
from tests.harness.builders import PATIENT, TOLVAN
from tests.model.ids import personnummer


@pytest.mark.parametrize(
    ("born", "today", "years"),
    [
        ("19900602", date(2026, 6, 1), 35),
        ("19900602", date(2026, 6, 2), 36),
        ("20160229", date(2026, 2, 28), 9),
        ("20160229", date(2026, 3, 1), 10),
        ("20160229", date(2028, 2, 29), 12),
        ("20260526", date(2026, 5, 26), 0),
    ],
)
def test_c7_age_is_in_whole_years_and_29_february_counts_on_1_march(born: str, today: date, years: int) -> None:
    assert age(int(personnummer(born)), today) == years


def test_c7_a_hundred_and_more_years_are_years() -> None:
    assert age(int(TOLVAN), date(2026, 12, 12)) == 114


@pytest.mark.parametrize(
    ("low", "high", "fit"), [(None, None, True), (35, 35, True), (36, None, False), (None, 34, False), (0, 130, True)]
)
def test_c7_both_age_limits_belong_to_the_range_and_missing_ones_are_open(
    low: int | None, high: int | None, fit: bool
) -> None:
    assert fits(Profile(age_min=low, age_max=high), int(PATIENT), date(2026, 6, 1)) is fit
