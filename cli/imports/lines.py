"""A text's lines and cells: which separator, which line ends, which quotes (running.md)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cli.imports.header import NEEDED, named
from cli.imports.marks import INVISIBLE, visible
from cli.imports.text import MOST_BYTES, Fault, UnreadableFile

DELIMITERS = ";\t,"
_LOOKED_AT = 50
_says_separator = re.compile(r'"?sep=(.)"?[;,\t]*[\r\n]*', re.IGNORECASE).fullmatch
csv.field_size_limit(MOST_BYTES)  # how long a cell may be is said in `table`, in the file's own terms


@dataclass(frozen=True)
class Line:
    """One row as it stands in the file; `number` is the line it begins on, from 1."""

    number: int
    cells: list[str]


def read_lines(text: str) -> tuple[str, list[Line]]:
    """The separator, and the rows with something in them. Raises UnreadableFile."""
    rows, declared = _physical(text)
    delimiter = declared or _delimiter(rows)
    return delimiter, list(_lines(_tightened(rows, delimiter), delimiter))


def _physical(text: str) -> tuple[list[str], str | None]:
    """The lines with their ends, whichever they are, and the separator that Excel's own first line names. That line is
    left blank, so that the others keep their numbers."""
    rows = list(io.StringIO(text, newline=""))
    said = _says_separator(rows[0]) if rows else None
    if said is None:
        return rows, None
    return ["\n", *rows[1:]], said[1]


def _delimiter(rows: Sequence[str]) -> str:
    """The separator that gives most of the first rows enough columns; then the one that names most in a header."""
    scores = {}
    for delimiter in DELIMITERS:
        read = list(_parsed(_tightened(rows[:_LOOKED_AT], delimiter), delimiter))
        enough = sum(len(cells) >= NEEDED for cells in read)
        named_first = max((len(named(cells)) for cells in read[:1]), default=0)
        scores[delimiter] = enough, named_first
    return max(DELIMITERS, key=lambda one: scores[one])


def _tightened(rows: Sequence[str], delimiter: str) -> list[str]:
    """The lines without spaces and invisible marks between a separator and a quotation mark: `"a" ; "b"` is `"a";"b"`.
    Inside a quoted cell this takes away spaces at most, never a quotation mark, so the cells remain the same."""
    tab = "" if delimiter == "\t" else "\t"
    between, blank = re.escape(delimiter), f"[{INVISIBLE} \u00a0{tab}]+"
    before = re.compile(f'(^|{between}){blank}(?=")')
    after = re.compile(f'"{blank}(?={between}|[\r\n]|$)')
    return [after.sub('"', before.sub(r"\1", row)) if '"' in row else row for row in rows]


def _parsed(rows: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    try:
        yield from (cells for cells in csv.reader(rows, delimiter=delimiter) if any(map(visible, cells)))
    except csv.Error:
        return


def _lines(rows: Sequence[str], delimiter: str) -> Iterator[Line]:
    reader = csv.reader(rows, delimiter=delimiter, strict=True)
    number = 1
    try:
        for cells in reader:
            if any(map(visible, cells)):
                yield Line(number, cells)
            number = reader.line_num + 1
    except csv.Error:
        raise UnreadableFile(
            Fault(number, "ett citattecken är inte avslutat, eller står mitt i en cell utan att vara dubblerat")
        ) from None
