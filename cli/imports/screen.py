"""What the vårdcentral's staff see: how far it is, the region's table, and the faults by kind (rows by number, D1)."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.imports.exchange import Answered, OnProgress
from cli.imports.header import Column
from cli.imports.text import Fault
from schemas.reply import FaultyRow

_MOST_LINES = 10
_ROWS_NAMED = 8


def unreadable(file: Path, faults: Iterable[Fault]) -> None:
    """Which lines, and why, on stderr."""
    faults = list(faults)
    for fault in faults[:_MOST_LINES]:
        complain(f"{shown(file)}: {fault}")
    if len(faults) > _MOST_LINES:
        complain(f"{shown(file)}: … och {len(faults) - _MOST_LINES} rader till")


def shown(file: Path) -> str:
    """Its name, also where that is not UTF-8."""
    return os.fsencode(file).decode(errors="replace")


def complain(line: str) -> None:
    """One line on stderr."""
    print(f"fastlakare: {line}", file=sys.stderr)


@contextmanager
def progress() -> Iterator[OnProgress]:
    """A bar on a terminal, nothing elsewhere."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Ansluter", total=None)

        def on_progress(sent: int, parts: int | None) -> None:
            if parts is None:
                bar.update(task, description="Väntar på svar", completed=sent)
                bar.tasks[0].total = None  # nobody knows how long: the bar only moves
            else:
                bar.update(task, description="Skickar delar", total=parts, completed=sent)

        yield on_progress


def result(answer: Answered, faulty_file: Path | None, unused: Sequence[Column] = ()) -> None:
    """The answer for people, on stdout, with the columns that were not sent."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 200
    reply = answer.reply
    trial = "Provkörning, inget har ändrats. " if reply.dry_run else ""
    console.print(f"{trial}{escape(reply.message)}")
    if answer.earlier:
        console.print(f"Svaret gavs redan på det som skickades {escape(answer.at)}; inget har gjorts en gång till.")
    if reply.counts is not None:
        counts = reply.counts
        table = _table("Totalt", "Godkända", "Felaktiga", "Uppdaterade")
        table.add_row(*map(str, (counts.total, counts.approved, counts.faulty, counts.updated)))
        console.print(table)
    if reply.faulty_rows:
        table = _table("Antal", "Fel", "Rader")
        for kind in kinds(reply.faulty_rows):
            numbers = ", ".join(map(str, kind["rows"][:_ROWS_NAMED])) + (" …" if kind["count"] > _ROWS_NAMED else "")
            table.add_row(str(kind["count"]), escape(kind["message"]), numbers)
        console.print(table)
    if unused:
        console.print(f"Kolumner som inte används: {escape(', '.join(map(str, unused)))}")
    if faulty_file is not None:
        console.print(f"Felaktiga rader: {escape(shown(faulty_file))}")


def as_json(answer: Answered, faulty_file: Path | None, unused: Sequence[Column] = ()) -> dict[str, Any]:
    """The answer for scripts."""
    reply = answer.reply
    return {
        "outcome": reply.outcome,
        "code": reply.code,
        "message": reply.message,
        "dry_run": reply.dry_run,
        "counts": None if reply.counts is None else reply.counts.model_dump(exclude_none=True),
        "faults": kinds(reply.faulty_rows or ()),
        "unused_columns": list(map(str, unused)),
        "faulty_file": None if faulty_file is None else shown(faulty_file),
        "import_id": answer.import_id,
        "answered_earlier": answer.earlier,
    }


def kinds(faults: Iterable[FaultyRow]) -> list[dict[str, Any]]:
    """The faults by kind, the most frequent first, with the numbers of their rows."""
    faults = list(faults)
    counted = Counter((fault.code, fault.message) for fault in faults)
    return [
        {"code": code, "message": message, "count": number, "rows": [one.row for one in faults if one.code == code]}
        for (code, message), number in counted.most_common()
    ]


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
