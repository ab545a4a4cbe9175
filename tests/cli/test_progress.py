"""How far a command is, where nobody watches a terminal."""

from __future__ import annotations

import pytest

from cli.progress import _lines, duration, progress


def test_o9_a_line_now_and_then_says_how_far_it_is_and_how_long_it_still_takes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    times = iter((0.0, 0.0, 5.0, 10.0, 15.0, 20.0, 40.0))
    report = _lines("discard", 1_000, lambda: next(times))
    for done in (0, 100, 250, 300, 400, 1_000):
        report(done)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        "fastlakare: discard: 250 of 1000, 30 s left",
        "fastlakare: discard: 400 of 1000, 30 s left",
        "fastlakare: discard: 1000 of 1000, 0 s left",
    ]


def test_what_is_done_at_once_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("export", 3) as report:
        report(3)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (119, "119 s"), (121, "2 min"), (7_100, "118 min"), (9_000, "2 h")]
)
def test_a_duration_is_said_in_the_unit_that_fits(seconds: float, said: str) -> None:
    assert duration(seconds) == said
