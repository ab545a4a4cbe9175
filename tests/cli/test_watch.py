"""What `lag --watch` says to people, of measurements made up."""

from __future__ import annotations

from datetime import date
from io import StringIO

import pytest
from rich.console import Console

from cli.watch import line, screen
from schemas.topics import KIV_STAFF, LISTNING_COMMAND, VARDVAL_LISTING
from workers.operations.lag import Lag
from workers.operations.lag_rates import LagRates, Measurement, WaitingPartition, rates

NOW = 1_779_796_800_000
DAY_MS = 86_400_000


def watched() -> LagRates:
    """Commands that are behind and leave retention, listings that keep pace, and a topic at rest."""
    inputs = {KIV_STAFF: 0, VARDVAL_LISTING: 0, LISTNING_COMMAND: 1_234_567}
    behind = {KIV_STAFF: 0, VARDVAL_LISTING: 0, LISTNING_COMMAND: 1_463}
    lag = Lag(date(2026, 5, 26), inputs, 7, 3, True, behind)
    worst = WaitingPartition(LISTNING_COMMAND, 11, 1_234_567, 8_120_000, NOW - 30 * DAY_MS + 3 * 3_600_000, 30 * DAY_MS)
    came = {VARDVAL_LISTING: 12_000, LISTNING_COMMAND: 24}
    handled = {VARDVAL_LISTING: 12_000, LISTNING_COMMAND: 2_424}
    return rates([Measurement(0, NOW, lag, {}, {}), Measurement(24, NOW, lag, came, handled, [worst])])


def shown(found: LagRates, columns: int) -> list[str]:
    """The lines on a terminal that is so wide."""
    sink = StringIO()
    Console(file=sink, width=columns, highlight=False).print(screen(found))
    return [one.rstrip() for one in sink.getvalue().splitlines()]


@pytest.mark.parametrize("columns", [80, 200])
def test_the_view_fits_a_terminal(columns: int) -> None:
    lines = shown(watched(), columns)
    assert max(map(len, lines)) <= columns
    assert lines[:5] == [
        "topic                waiting  in/s  out/s  drained in   oldest",
        "kiv.staff.v1               0   0.0    0.0           -        -",
        "vardval.listing.v1         0   500    500           -        -",
        "listning.command.v1  1234567   1.0    101         3 h  30 days",
        "",
    ]
    assert " ".join(lines[5:]) == (
        "worst partition: listning.command.v1/11, 1234567 records from offset 8120000, the oldest 30 days"
        " behind an open transaction of its senders: listning.command.v1, 1463 records"
        " listning.command.v1/11: offset 8120000 leaves retention in 3 h"
        " outbox 7, figures 3, the day's own work goes on, day 2026-05-26 Ctrl-C ends it"
    )


def test_a_line_has_only_topics_on_which_something_happens() -> None:
    said = line(watched())
    assert said.startswith(
        "vardval.listing.v1 0 waiting, in 500/s, out 500/s; "
        "listning.command.v1 1234567 waiting, in 1.0/s, out 101/s, drained in 3 h, oldest 30 days; worst partition: "
    )
    assert KIV_STAFF not in said


def test_before_there_is_a_rate_nothing_is_said_of_the_end() -> None:
    lag = Lag(None, {KIV_STAFF: 3}, 0, 0, False, {KIV_STAFF: 0})
    first = rates([Measurement(0, NOW, lag, {}, {}, [WaitingPartition(KIV_STAFF, 0, 3, 5)])])
    assert "kiv.staff.v1        3     -      -           -       -" in shown(first, 80)
    assert line(first).endswith("outbox 0, figures 0, day none yet")


def test_where_less_is_handled_than_comes_it_is_never_drained() -> None:
    lag = Lag(None, {KIV_STAFF: 3}, 0, 0, False, {KIV_STAFF: 0})
    found = rates([Measurement(0, NOW, lag, {}, {}), Measurement(10, NOW, lag, {KIV_STAFF: 30}, {KIV_STAFF: 10})])
    assert line(found).startswith("kiv.staff.v1 3 waiting, in 3.0/s, out 1.0/s, drained in never; ")
