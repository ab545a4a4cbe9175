"""Options that every command has which begins a run."""

from __future__ import annotations

from typing import Annotated

import typer

_FASTEST = 1_000_000

Rate = Annotated[
    str,
    typer.Option(metavar="N|auto", help="Records a second; auto leaves the service's own records their turn."),
]


def records_per_second(text: str) -> int | None:
    """None: as fast as leaves the service its turn (O3). Exit 2 for what is neither."""
    if text == "auto":
        return None
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= _FASTEST):
        raise typer.BadParameter(f"--rate: auto, or records a second from 1 to {_FASTEST}")
    return int(text)
