"""Dead letters on the terminal, for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import typer

from cli import tables
from cli.times import local
from infra.postgres.chosen_letters import Frozen, Group
from infra.postgres.release_guards import ReleaseGuard


def groups(found: Iterable[tuple[Group, Mapping[str, int] | None]], kept: timedelta, now: datetime) -> None:
    """One line a group; what would happen today only where it was judged."""
    found = list(found)
    judged = any(outcomes is not None for _, outcomes in found)
    names = ("topic", "code", "what", "letters", "open", "attempts", "first", "last", "releases", "gone in")
    rows = []
    for group, outcomes in found:
        what = group.detail if group.fingerprint is None else group.fingerprint
        times = local(group.oldest), local(group.last), ", ".join(group.releases), _left(group.oldest + kept - now)
        today = (_outcomes(outcomes),) if judged else ()
        rows.append((group.topic, group.code, what, group.count, group.open, group.attempts, *times, *today))
    tables.rows((*names, *(("today",) if judged else ())), rows)


def letter(shown: Mapping[str, Any]) -> None:
    """Field by field."""
    for path, value in _flat(shown):
        typer.echo(f"{path}: {_plain(value)}")


def preview(frozen: Frozen, *, err: bool) -> None:
    """What a choice has, by state."""
    counts = ", ".join(f"{letters} {state}" for state, letters in frozen.counts.items())
    typer.echo(f"{frozen.letters} letters: {counts}", err=err)


def guards(found: Iterable[ReleaseGuard], *, err: bool) -> None:
    """Which releases are stopped where, and why."""
    for one in found:
        partitions = ", ".join(map(str, one.partitions))
        typer.echo(
            f"{one.topic}, release {one.release}: {one.records} records failed; partitions {partitions}", err=err
        )
        typer.echo(f"    since {local(one.stopped_at)}: {one.why}", err=err)


def _plain(value: object) -> str:
    """What no terminal takes for a command: a record may hold any characters."""
    text = "null" if value is None else str(value)
    return text if text.isprintable() else json.dumps(text)


def _outcomes(outcomes: Mapping[str, int] | None) -> str:
    pieces = [f"{letters} {outcome.replace('_', ' ')}" for outcome, letters in (outcomes or {}).items()]
    return ", ".join(pieces)


def _left(left: timedelta) -> str:
    hours = max(0, int(left.total_seconds() // 3_600))
    return f"{hours} h" if hours < 48 else f"{hours // 24} d"


def _flat(part: Any, path: str = "") -> Iterable[tuple[str, Any]]:
    inner: Iterable[tuple[Any, Any]] = ()
    if isinstance(part, Mapping):
        inner = part.items()
    elif isinstance(part, list | tuple):
        inner = enumerate(part)
    elif path:
        return [(path, part)]
    flat = [one for name, value in inner for one in _flat(value, f"{path}.{name}" if path else str(name))]
    return flat or [(path, "{}" if isinstance(part, Mapping) else "[]")]
