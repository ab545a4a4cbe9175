"""Every command of the terminal, those of groups too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typer.main import get_group

from cli.main import app


def commands(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The words that call each command or group, with the command."""
    for name, command in (group or get_group(app)).commands.items():
        yield (*path, name), command
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))


def called(arguments: list[str] | tuple[str, ...]) -> tuple[Any, list[str]]:
    """The command that the arguments call, and what is left for it."""
    known = dict(commands())
    words = next(n for n in range(len(arguments), 0, -1) if tuple(arguments[:n]) in known)
    return known[tuple(arguments[:words])], list(arguments[words:])
