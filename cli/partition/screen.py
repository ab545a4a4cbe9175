"""Input partitions on the terminal, for people."""

from __future__ import annotations

from collections.abc import Iterable

import typer

from cli import tables
from workers.operations.partitions import InputPartition


def partitions(found: Iterable[InputPartition]) -> None:
    """A line for each, then what stopped those that have."""
    found = list(found)
    names = ("partition", "position", "begin", "end", "state", "held by")
    tables.rows(names, [(place(one), *_offsets(one), _state(one), _hosts(one)) for one in found])
    for one in found:
        if not one.goes_on:
            stopped(one, err=False)


def stopped(one: InputPartition, *, err: bool) -> None:
    """What stopped a partition, what is lost, and who holds it."""
    if one.stopped is not None:
        typer.echo(f"{place(one)}: {one.stopped.text}", err=err)
        if one.stopped.lost is not None:
            typer.echo(f"    lost: {one.stopped.describes_lost}", err=err)
    for release, why in one.guarded.items():
        typer.echo(f"{place(one)}: release {release} {why}", err=err)


def held(one: InputPartition) -> str:
    """Who holds it, and what to do about that."""
    return (
        f"{place(one)} is held by {_holders(one)}: stop every process that reads {one.topic}"
        " (one that was killed is counted for some ten seconds more)"
    )


def place(one: InputPartition) -> str:
    """As the commands take it."""
    return f"{one.topic}/{one.partition}"


def _offsets(one: InputPartition) -> tuple[object, ...]:
    position = one.stored.next_offset
    return "earliest" if position is None else position, one.ends.begin, one.ends.end


def _state(one: InputPartition) -> str:
    if one.stopped is not None:
        return one.stopped.why
    return "guarded" if one.guarded else "goes on"


def _hosts(one: InputPartition) -> str:
    return ", ".join(sorted({member.host for member in one.held_by})) or "nobody"


def _holders(one: InputPartition) -> str:
    return ", ".join(f"{member.id} on {member.host}" for member in one.held_by)
