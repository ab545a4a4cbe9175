"""A file's rows under its columns: which row is the header, and which rows cannot be told apart (running.md)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cli.imports import header
from cli.imports.header import COLUMNS, NEEDED, TOO_FEW, Column
from cli.imports.lines import DELIMITERS, Line, read_lines
from cli.imports.marks import visible
from cli.imports.text import GARBLED_CHARACTER, Fault, Text, UnreadableFile

_LONGEST_CELL = 200
_is_total = re.compile(r"((del|slut)?summa|totalt?|antal|sum)\b", re.IGNORECASE).match
_LEAST_DIGITS = 6
#: a dash and no-break spaces of Mac OS Roman and of DOS, as they look in Windows-1252
_garbled_in_id = re.compile("[0-9][ÐÑÊÿð]|[ÐÑÊÿð][0-9]").search


@dataclass(frozen=True)
class Table:
    """The rows with something in them. `header` is None where there is none; `places` are the columns' indices in the
    order of COLUMNS, None for a date column that is missing."""

    delimiter: str
    encoding: str
    header: list[str] | None
    places: tuple[int | None, ...]
    lines: list[Line]

    def cells(self, line: Line) -> list[str]:
        """Personnummer, unit, doctor and date; empty where the row or the file has none."""
        return [cell_at(line, place) for place in self.places]

    @property
    def unused(self) -> list[Column]:
        """The columns with a title or with something in them that are not sent."""
        columns = [Column(at, title) for at, title in enumerate(self.header or ()) if at not in self.places]
        return [
            column
            for column in columns
            if visible(column.title) or any(visible(cell_at(line, column.place)) for line in self.lines)
        ]


def cell_at(line: Line, place: int | None) -> str:
    """The row's cell there; empty where there is none."""
    return "" if place is None or place >= len(line.cells) else line.cells[place].strip()


def read_table(source: Text) -> Table:
    """The table in the text. Raises UnreadableFile with every line that breaks it."""
    delimiter, lines = read_lines(source.text)
    if not lines:
        raise UnreadableFile(Fault(None, "filen har inga rader"))
    titles = _titles(lines)
    if titles is None:
        places: tuple[int | None, ...] = tuple(range(len(COLUMNS)))
        body = lines
    else:
        places = header.places(lines[0].number, titles)
        body = _without_repeated(lines, titles)
    if not body:
        raise UnreadableFile(Fault(None, "filen har en rubrik men inga rader"))
    table = Table(delimiter, source.encoding, titles, places, body)
    faults = [Fault(line.number, why) for line in body if (why := _broken(line, table))]
    if faults:
        raise UnreadableFile(*faults)
    return table


def _titles(lines: Sequence[Line]) -> list[str] | None:
    """The first row, where it is the header. What stands above one would be taken for rows, so nothing may."""
    first = lines[0]
    if not header.is_full(first.cells):
        below = next((line for line in lines[1:] if header.is_full(line.cells)), None)
        if below is not None:
            raise UnreadableFile(Fault(below.number, "rubriken står här; ta bort raderna ovanför"))
    return first.cells if header.is_header(first.number, first.cells) else None


def _without_repeated(lines: Sequence[Line], titles: Sequence[str]) -> list[Line]:
    """The rows below the header, without the same header where pages or files were put together."""
    body, faults = [], []
    for line in lines[1:]:
        if not header.is_full(line.cells):
            body.append(line)
        elif _normal(line.cells) != _normal(titles):
            faults.append(Fault(line.number, "en ny rubrik med andra kolumner står här; dela filen i två"))
    if faults:
        raise UnreadableFile(*faults)
    return body


def _normal(cells: Sequence[str]) -> list[str]:
    titles = list(map(header.normal, cells))
    while titles and not titles[-1]:
        titles.pop()
    return titles


def _broken(line: Line, table: Table) -> str | None:
    """Why the row cannot be told apart into its columns."""
    first = next(filter(None, map(visible, line.cells)))
    if _is_total(first) and sum(map(str.isdigit, cell_at(line, table.places[0]))) < _LEAST_DIGITS:
        return "raden ser ut som en summa eller ett antal och inte som en patient; ta bort den"
    needed = [place for place in table.places[:NEEDED] if place is not None]
    if len(line.cells) <= max(needed):
        if any(cell.count(delimiter) >= NEEDED - 1 for cell in line.cells for delimiter in DELIMITERS):
            return "hela raden står inom citattecken, eller har en annan avgränsare än de andra"
        return TOO_FEW.format(what="raden", count=len(line.cells))
    width = len(COLUMNS) if table.header is None else len(table.header)
    if any(map(visible, line.cells[width:])):
        return f"raden har fler kolumner än {'de fyra som väntas' if table.header is None else 'rubriken'}"
    if any(len(cell) > _LONGEST_CELL for cell in table.cells(line)):
        return f"en cell är längre än {_LONGEST_CELL} tecken"
    if any(part.count(table.delimiter) >= NEEDED - 1 for cell in line.cells for part in cell.splitlines()[1:]):
        return "en cell går över flera rader som ser ut som egna rader; saknas ett citattecken?"
    if table.header is None and table.encoding == "cp1252" and any(map(_garbled_in_id, table.cells(line))):
        return GARBLED_CHARACTER
    return None
