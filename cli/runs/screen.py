"""Previews, results and progress of runs, for people; scripts take `--json`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic
from typing import Any

from rich import progress as bars
from rich.console import Console

from cli.times import understood
from infra import timing
from infra.postgres.runs import Run, RunPartition
from schemas.topics import TOPICS
from workers.operations.report import Progress, Report, range_json

_COMPACTED = frozenset(topic.name for topic in TOPICS if topic.cleanup == "compact")
_PIPE_WIDTH = 200


def report(found: Report, *, to_stderr: bool = False) -> None:
    """Prints what a run did, or its preview: ranges, outcomes, events."""
    console = _console(to_stderr)
    what, letters = "would be judged" if found.run is None else "were judged", found.kind == "dlq_replay"
    things = "Dead letters" if letters else "Records"
    if found.kind == "republish":
        said = "would be said again" if found.run is None else "were said again"
        console.print(
            f"The newest records of {found.topic}, of the chosen keys, {said}; stale: something newer was said."
        )
    else:
        console.print(f"{things} of {found.topic} {what} as of day {found.day}, the installation's, not theirs (T2).")
    for part in found.parts:
        console.print("  " + (letters_line(part) if letters else range_line(found.topic, part)))
    judged = sum(found.tally.outcomes.values())
    console.print(f"{'outcomes':10}{_counts(found.tally.outcomes) if judged else 'no record was selected'}")
    if letters and found.superseded:
        console.print(f"{'':10}{found.superseded} of them superseded: something later, or the same, was handled")
    for topic, counts in sorted(found.as_json()["events"].items()):
        console.print(f"{'events':10}{topic}: {_counts(counts) if counts else 'none'}")
    console.print(f"{'digest':10}{found.as_json()['digest'][:16]}")
    if found.estimated_from is not None:
        console.print(f"From {found.estimated_from} on this is an estimate: too much changes to carry all of it (O2).")
    if found.run is None:
        return
    if found.state == "done" and not found.tally.published:
        console.print(f"Run {found.run} is done: it changed nothing that is published.")
    elif found.state == "done":
        console.print(f"Run {found.run} is done: Kafka has acknowledged its {found.tally.published} events.")
    else:
        console.print(f"Run {found.run} is {found.state}" + (f": {found.error}" if found.error else "."))
        if found.state in ("paused", "failed", "running"):
            console.print(f"To go on:  fastlakare runs resume {found.run}")


def range_line(topic: str, part: RunPartition) -> str:
    """What was asked for of a partition, and what was found there (O5)."""
    found = range_json(part)
    taken_by = "compaction" if topic in _COMPACTED else "retention"
    pieces = [
        f"{found['records']} record{'s' * (found['records'] != 1)}",
        f"{found['removed']} removed by {taken_by}",
        f"{found['control']} control record{'s' * (found['control'] != 1)}",
    ]
    if part.aborted:
        pieces.append(f"{part.aborted} of aborted transactions")
    if part.first_record is not None:
        pieces.append(f"first offset {part.first_record}")
    asked = f"partition {part.partition}: asked {part.first_offset}-{part.end_offset}"
    not_read = f", read to {part.read_offset}" if part.read_offset < part.end_offset else ""
    return f"{asked}{not_read}: {', '.join(pieces)}"


def letters_line(part: RunPartition) -> str:
    """How many letters of a partition there were."""
    return f"partition {part.partition}: {part.records} letters, offsets {part.first_offset}-{part.end_offset - 1}"


def listed(found: list[Run]) -> None:
    """Prints runs, a line each."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("run", "kind", "topic", "state", "outcomes", "who", "why"):
        table.add_column(column, overflow="fold", no_wrap=column in ("run", "topic"))
    for run in found:
        state = f"{run.state}, nobody works on it" if run.state == "running" and not run.working else run.state
        table.add_row(run.id, run.kind, run.topic, state, _counts(run.outcomes), run.actor, run.reason)
    _console(False).print(table)


def shown(run: Run, found: Report) -> None:
    """Prints one run whole."""
    console = _console(False)
    console.print(f"run       {run.id}, {run.kind} of {run.topic}, release {run.release}")
    console.print(f"begun     {understood(run.started_at)} by {run.actor}: {run.reason}")
    console.print(f"selection {_selected(run.selection)}")
    if run.state == "running":
        who = "a process works on it" if run.working else "nobody works on it"
        console.print(f"state     running: {who}, last change {understood(run.changed_at)}")
    report(found)


def _selected(selection: Mapping[str, Any]) -> str:
    """What was asked for, in words."""
    asked = {name: value for name, value in selection.items() if value not in (None, {}, [], False)}
    if not asked.keys() & {"since", "until"}:
        asked.pop("by", None)
    return ", ".join(name if value is True else f"{name} {value}" for name, value in asked.items()) or "all of it"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(counts.items()) if number)


def _console(to_stderr: bool) -> Console:
    console = Console(highlight=False, markup=False, stderr=to_stderr, soft_wrap=True)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    return console


@contextmanager
def progress(of: Progress, what: str) -> Iterator[None]:
    """Shows how far it is, on stderr: a bar on a terminal, elsewhere a line every ten seconds (O7, O9)."""
    import asyncio

    console = Console(stderr=True, highlight=False, markup=False)
    task = asyncio.get_running_loop().create_task(
        _on_terminal(console, of, what) if console.is_terminal else _lines(of, what)
    )
    try:
        yield
    finally:
        task.cancel()


async def _on_terminal(console: Console, of: Progress, what: str) -> None:
    import asyncio

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(bar_width=20),
        bars.TaskProgressColumn(),
        bars.TextColumn("{task.fields[status]}"),
    )
    with bars.Progress(*columns, console=console, transient=True) as bar:
        shown, rate, said = bar.add_task(what, total=None, status=""), _Rate(), ""
        while True:
            done, total = of.offsets
            bar.update(shown, completed=done, total=total or None, status=_status(of, rate))
            if (waits := _waits(of)) != said and (said := waits):
                bar.print(said)
            await asyncio.sleep(timing.COMMAND_FRAME_SECONDS)


async def _lines(of: Progress, what: str) -> None:
    import asyncio

    rate = _Rate()
    while True:
        await asyncio.sleep(timing.COMMAND_PROGRESS_SECONDS)
        done, total = of.offsets
        waits = f", {text}" if (text := _waits(of)) else ""
        print(f"{what}: {done} of {total} offsets, {_status(of, rate)}{waits}", file=sys.stderr, flush=True)


class _Rate:
    """Offsets a second, over the last half minute."""

    def __init__(self) -> None:
        self._seen: list[tuple[float, int]] = []

    def __call__(self, done: int) -> float:
        now = monotonic()
        self._seen = [(at, count) for at, count in self._seen if at > now - 30] or [(now, done)]
        self._seen.append((now, done))
        (first, before), seconds = self._seen[0], now - self._seen[0][0]
        return (done - before) / seconds if seconds > 0 and first < now else 0.0


def _status(of: Progress, rate: _Rate) -> str:
    done, total = of.offsets
    judged, dead = sum(of.tally.outcomes.values()), of.tally.outcomes["dead"]
    speed = rate(done)
    pieces = [f"{judged} judged"] + ([f"{dead} dead"] if dead else [])
    if speed:
        pieces += [f"{speed:.0f}/s", f"{timedelta(seconds=round((total - done) / speed))} left"]
    return ", ".join(pieces)


def _waits(of: Progress) -> str:
    """What it has waited for, once that takes longer than a moment (O7)."""
    silent = monotonic() - of.since
    if of.waits_for is not None and silent > timing.RUN_WAITS_SECONDS:
        return f"waits for {of.waits_for}"
    return "waits for the database or Kafka" if silent > timing.RUN_SILENT_SECONDS else ""
