"""`FILE.felaktiga.csv`: the faulty rows as they were and why, safe to open in a spreadsheet (running.md)."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from cli.imports.header import COLUMNS, TITLES
from cli.imports.lines import DELIMITERS, Line
from cli.imports.table import Table
from schemas.reply import FaultyRow

ADDED = ("Rad", "Felmeddelande")
_is_plain = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?").fullmatch
_FORMULA = "=+-@\t\r\n＝＋－＠|%"
# Where a cell may begin: a spreadsheet may split at another character than this file's separator, which is then a
# character like any other and not quoted.
_begins_formula = re.compile(r"(?<=[;,\t|\r\n])(?=[\"' \u00a0\ufeff\u200b]*[=+\-@＝＋－＠%])")


def path_for(file: Path) -> Path:
    """`felaktiga` before the last ending: `a.csv` gives `a.felaktiga.csv`."""
    return file.with_name(f"{file.stem}.felaktiga{file.suffix}")


def write(file: Path, table: Table, faults: Iterable[FaultyRow]) -> Path:
    """Writes the file beside `file`, whole or not at all, readable for whom that is. Raises OSError.

    Same separator as the sender's; UTF-16 stays that, all else becomes UTF-8 with a byte order mark: both are opened
    rightly by Excel.
    """
    messages = {fault.row: fault.message for fault in faults}
    raw = content(table, messages).encode("utf-16" if table.encoding.startswith("utf-16") else "utf-8-sig")
    target = path_for(file)
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    try:
        with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            out.write(raw)
        unfinished.chmod(file.stat().st_mode & 0o666)
        unfinished.replace(target)
    finally:
        with suppress(OSError):
            unfinished.unlink()
    return target


def content(table: Table, messages: Mapping[int, str]) -> str:
    """The text of the file: the rows that `messages` names by their line, with a header also where there was none."""
    out = io.StringIO(newline="")
    delimiter = table.delimiter if table.delimiter in DELIMITERS else ";"
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    lines = [line for line in table.lines if line.number in messages]
    width = max(len(table.header or COLUMNS), *(_width(line) for line in lines), 0)
    titles = _without_ours(table, table.header or list(TITLES))
    writer.writerow(map(harmless, [*titles, *[""] * (width - len(table.header or TITLES)), *ADDED]))
    for line in lines:
        cells = _without_ours(table, line.cells[:width] + [""] * (width - len(line.cells)))
        writer.writerow([*map(harmless, cells), str(line.number), messages[line.number]])
    return out.getvalue()


def _width(line: Line) -> int:
    return max((place for place, cell in enumerate(line.cells, start=1) if cell.strip()), default=0)


def _without_ours(table: Table, cells: list[str]) -> list[str]:
    """Without the columns that an earlier file of faulty rows has already: sent again, it does not grow."""
    header = table.header or []
    ours = range(len(header) - len(ADDED), len(header)) if tuple(header[-len(ADDED) :]) == ADDED else ()
    return [cell for place, cell in enumerate(cells) if place not in ours]


def harmless(cell: str) -> str:
    """The cell, with an apostrophe before whatever a spreadsheet might take for a formula."""
    begins = cell.lstrip(" \u00a0\ufeff\u200b")[:1]
    risky = begins and begins in _FORMULA and not _is_plain(cell)
    inside = _begins_formula.sub("'", cell)
    return f"'{inside}" if risky else inside
