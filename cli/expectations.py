"""What records would do and what days will cause, for people; scripts take `--json`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

import typer

from cli import tables
from workers.operations.forecast import Forecast
from workers.operations.report import events_json
from workers.operations.tally import Tally
from workers.operations.what_if import Expected, WhatIf

#: events of one record, and names of doctors or units, that are shown one by one
_MOST_SHOWN = 20


def what_if(found: WhatIf) -> None:
    """Prints a line for each record, its events below it, and how many there are of each kind."""
    typer.echo(f"Judged as of day {found.day}, the installation's, not theirs (T2). Nothing was sent or changed.")
    if found.records:
        tables.rows(("line", "topic", "outcome", "what"), [_row(one) for one in found.records])
    _events(found.tally)
    if found.estimated_from is not None:
        typer.echo(
            f"From line {found.estimated_from} on this is an estimate: too much changes to carry all of it (O2)."
        )


def forecast(found: Forecast) -> None:
    """Prints a paragraph for each day."""
    typer.echo(f"Today is {found.day}, the installation's day. Until {found.until}, if nothing else arrives:")
    for turn in found.turns:
        typer.echo(f"\n{turn.day}")
        _events(turn.tally)
        typer.echo(f"{'doctors':10}{_names(turn.doctors)}")
        typer.echo(f"{'units':10}{_names(turn.units)}")
    if not found.turns:
        typer.echo("nothing happens by itself")
    if found.estimated_from is not None:
        typer.echo(f"From {found.estimated_from} on this is an estimate: too much changes to carry all of it (O2).")
    typer.echo(f"\n{'digest':10}{found.as_json()['digest'][:16]}")


def _row(one: Expected) -> tuple[object, ...]:
    said = []
    if one.code is not None:
        said.append(f"{one.code}: {one.detail}")
    if one.reply is not None:
        counts = one.reply["counts"]
        said.append(f"reply {one.reply['code']}: {one.reply['message']}")
        said += [] if counts is None else [f"counts {_counts(counts)}"]
    said += [f"{event.topic} {event.what} {event.id}" for event in one.events[:_MOST_SHOWN]]
    if len(one.events) > _MOST_SHOWN:
        rest = Counter(f"{event.topic} {event.what}" for event in one.events[_MOST_SHOWN:])
        said.append(f"and {_counts(rest)}")
    return one.line, one.topic, one.outcome, "\n".join(said)


def _events(tally: Tally) -> None:
    for topic, counts in events_json(tally).items():
        typer.echo(f"{'events':10}{topic}: {_counts(counts) if counts else 'none'}")


def _counts(counts: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(counts.items()))


def _names(names: Collection[str]) -> str:
    shown = ", ".join(sorted(names)[:_MOST_SHOWN]) or "none"
    return shown if len(names) <= _MOST_SHOWN else f"{shown} and {len(names) - _MOST_SHOWN} more"
