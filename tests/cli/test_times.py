"""The times that operators type."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.times import NoSuchTime, read_time, understood

NOW = datetime(2026, 10, 25, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-10-25", "2026-10-24T22:00:00"),
        ("2026-10-26", "2026-10-25T23:00:00"),
        ("2026-10-25T01:59", "2026-10-24T23:59:00"),
        ("2026-10-25T03:00", "2026-10-25T02:00:00"),
        ("2026-03-29T03:00", "2026-03-29T01:00:00"),
        ("2026-10-25T02:15+02:00", "2026-10-25T00:15:00"),
        ("2026-10-25T02:15+01:00", "2026-10-25T01:15:00"),
        ("2026-10-25T02:15:30Z", "2026-10-25T02:15:30"),
        ("2026-05-26T14:00:00.25", "2026-05-26T12:00:00.250000"),
        ("-2h", "2026-10-25T10:00:00"),
        ("-90s", "2026-10-25T11:58:30"),
        ("-30m", "2026-10-25T11:30:00"),
        ("-1d", "2026-10-24T12:00:00"),
    ],
)
def test_a_day_a_swedish_time_an_offset_and_so_long_ago_are_instants(text: str, utc: str) -> None:
    assert read_time(text, NOW).replace(tzinfo=None).isoformat() == utc


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2026-10-25T02:15", r"show that twice.*\+02:00 or \+01:00"),
        ("2026-10-25T02:00", "show that twice"),
        ("2026-03-29T02:30", "no clock in Sweden shows that"),
    ],
)
def test_a_time_that_clocks_show_twice_or_never_is_refused(text: str, why: str) -> None:
    with pytest.raises(NoSuchTime, match=why):
        read_time(text, NOW)


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "2h", "-2", "-2w", "20261025", "2026-13-01", "2026-02-30", "2026-10-25 02:15", "2026-W43"),
        *("2026-10-25T25:00", "2026-10-25T02:15+25:00", "1969-12-31", "3000-01-02", "-999999d", "0001-01-01"),
        *("191212121212", "19121212-1212"),
    ],
)
def test_o8_what_is_no_time_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(NoSuchTime) as refused:
        read_time(text, NOW)
    assert len(text) < 3 or text not in str(refused.value)


@given(st.text(alphabet="-+0123456789TZ:.smhd ", max_size=30))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    try:
        at = read_time(text, NOW)
    except NoSuchTime:
        return
    assert at.utcoffset() is not None
    assert read_time(f"{at:%Y-%m-%dT%H:%M:%S.%f}+00:00", NOW) == at


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-10-25T02:15+01:00", "2026-10-25 02:15:00 CET (UTC 2026-10-25 01:15:00)"),
        ("2026-05-26", "2026-05-26 00:00:00 CEST (UTC 2026-05-25 22:00:00)"),
    ],
)
def test_what_was_understood_is_told_in_swedish_time_and_utc(text: str, said: str) -> None:
    assert understood(read_time(text, NOW)) == said
