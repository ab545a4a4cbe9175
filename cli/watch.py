"""`fastlakare lag --watch`: a live view on a terminal, elsewhere a line or a document now and then."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from cli.progress import duration
from cli.terminal import print_json_line

if TYPE_CHECKING:
    from rich.console import RenderableType

    from infra.settings import Settings
    from workers.operations.lag_rates import LagRates, TopicRates, WaitingPartition

#: times that are longer are told in days
_TWO_DAYS_SECONDS = 48 * 3_600


async def watch(settings: Settings, *, json: bool) -> None:
    """Shows it until Ctrl-C."""
    from rich.console import Console

    console = Console(highlight=False)
    try:
        if json:
            await _documents(settings)
        elif console.is_terminal:
            await _live(settings, console)
        else:
            await _lines(settings)
    except asyncio.CancelledError:  # Ctrl-C
        return


async def _documents(settings: Settings) -> None:
    from workers.operations.lag_watch import watch

    async for found in watch(settings):
        if isinstance(found, str):
            _away(found)
        else:
            print_json_line(found.as_json())
            sys.stdout.flush()


async def _lines(settings: Settings) -> None:
    from infra import timing
    from workers.operations.lag_watch import watch

    due = time.monotonic()
    async for found in watch(settings):
        if time.monotonic() < due:
            continue
        due = time.monotonic() + timing.WATCH_LINE_SECONDS - timing.WATCH_SECONDS / 2
        if isinstance(found, str):
            _away(found)
        else:
            typer.echo(line(found))
            sys.stdout.flush()


async def _live(settings: Settings, console: object) -> None:
    from rich.console import Console, Group
    from rich.live import Live
    from rich.text import Text

    from workers.operations.lag_watch import watch

    assert isinstance(console, Console)
    shown: RenderableType = Text("measuring")
    with Live(shown, console=console, auto_refresh=False, vertical_overflow="visible") as live:
        async for found in watch(settings):
            if isinstance(found, str):
                live.update(Group(shown, Text(f"no measurement: {found}")), refresh=True)
            else:
                shown = screen(found)
                live.update(shown, refresh=True)


def screen(found: LagRates) -> RenderableType:
    """What a terminal shows: a table that fits 80 columns, and what is remarkable below it."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    table.add_column("topic", overflow="fold")
    for name in ("waiting", "in/s", "out/s", "drained in", "oldest"):
        table.add_column(name, justify="right", overflow="fold")
    for one in found.topics:
        rates = (_rate(one.in_per_second), _rate(one.out_per_second))
        oldest = "-" if one.oldest_seconds is None else _time(one.oldest_seconds)
        table.add_row(one.topic, str(one.waiting), *rates, _drained(one), oldest)
    return Group(table, Text(), *(Text(text) for text in remarks(found)), Text("Ctrl-C ends it"))


def remarks(found: LagRates) -> Iterator[str]:
    """The worst partition, what stands behind open transactions and what leaves retention; and what else waits."""
    if found.worst is not None:
        yield f"worst partition: {_partition(found, found.worst)}"
    for topic, records in found.lag.behind_open_transaction.items():
        if records:
            yield f"behind an open transaction of its senders: {topic}, {records} records"
    for one in found.leaving:
        when = f"leaves retention in {_time(one.seconds)}" if one.seconds else "may leave retention at any moment"
        yield f"{one.topic}/{one.partition}: offset {one.offset} {when}"
    lag = found.lag
    working = ", the day's own work goes on" if lag.working else ""
    yield f"outbox {lag.outbox}, figures {lag.figures}{working}, day {lag.day or 'none yet'}"


def line(found: LagRates) -> str:
    """All of it in one line; topics of which nothing waits and nothing comes are left out."""
    parts = []
    for one in found.topics:
        if not (one.waiting or one.in_per_second or one.out_per_second):
            continue
        text = f"{one.topic} {one.waiting} waiting, in {_rate(one.in_per_second)}/s, out {_rate(one.out_per_second)}/s"
        if one.waiting:
            text += f", drained in {_drained(one)}"
        parts.append(text + ("" if one.oldest_seconds is None else f", oldest {_time(one.oldest_seconds)}"))
    return "; ".join([*(parts or ["nothing waits"]), *remarks(found)])


def _partition(found: LagRates, one: WaitingPartition) -> str:
    age = found.age(one)
    oldest = "" if age is None else f", the oldest {_time(age)}"
    return f"{one.topic}/{one.partition}, {one.records} records from offset {one.offset}{oldest}"


def _drained(one: TopicRates) -> str:
    if not one.waiting or one.out_per_second is None:
        return "-"
    return "never" if one.drained_seconds is None else _time(one.drained_seconds)


def _rate(per_second: float | None) -> str:
    if per_second is None:
        return "-"
    return f"{per_second:.1f}" if per_second < 10 else f"{per_second:.0f}"


def _time(seconds: float) -> str:
    return duration(seconds) if seconds < _TWO_DAYS_SECONDS else f"{round(seconds / 86_400)} days"


def _away(why: str) -> None:
    print(f"fastlakare: {why}", file=sys.stderr, flush=True)
