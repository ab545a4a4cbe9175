"""A file's rows and columns: which separator, which header, which line (running.md)."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cli.imports.text import MOST_BYTES, Fault, Text, UnreadableFile

#: how the columns are recognised in a header, and their order where there is none
COLUMNS = ("personnummer", "enhet", "läkare", "datum")
TITLES = ("Personnummer", "Enhetens HSA-id", "Läkarens HSA-id", "Datum")
NEEDED = 3
DELIMITERS = ";\t,"
_LONGEST_CELL = 200
_LOOKED_AT = 50
_TOO_FEW = "{what} har för få kolumner ({count}); är avgränsaren semikolon, komma eller tabb?"
_says_separator = re.compile(r'"?sep=(.)"?[;,\t]*[\r\n]*', re.IGNORECASE).fullmatch
#: words that tell in a title that its dates are those of something else than the link
_OTHER_DATES = ("föd", "slut")
csv.field_size_limit(MOST_BYTES)  # how long a cell may be is said below, in the file's own terms


@dataclass(frozen=True)
class Line:
    """One row as it stands in the file; `number` is the line it begins on, from 1."""

    number: int
    cells: list[str]


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
        return ["" if at is None or at >= len(line.cells) else line.cells[at].strip() for at in self.places]


def read_table(source: Text) -> Table:
    """The table in the text. Raises UnreadableFile with every line that breaks it."""
    rows, declared = _physical(source.text)
    if not rows:
        raise UnreadableFile(Fault(None, "filen har inga rader"))
    delimiter = declared or _delimiter(rows)
    lines = list(_lines(rows, delimiter))
    if not lines:
        raise UnreadableFile(Fault(None, "filen har inga rader"))
    header = lines[0] if _is_header(lines[0]) else None
    if header is None:
        _refuse_titles_above(lines)
    places = tuple(range(len(COLUMNS))) if header is None else _places(header)
    body = lines if header is None else lines[1:]
    if not body:
        raise UnreadableFile(Fault(None, "filen har en rubrik men inga rader"))
    faults = [Fault(line.number, why) for line in body if (why := _broken(line, header, places, delimiter))]
    if faults:
        raise UnreadableFile(*faults)
    return Table(delimiter, source.encoding, None if header is None else header.cells, places, body)


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
        read = list(_parsed(rows[:_LOOKED_AT], delimiter))
        enough = sum(len(cells) >= NEEDED for cells in read)
        named = max((len(_named(cells)) for cells in read[:1]), default=0)
        scores[delimiter] = enough, named
    return max(DELIMITERS, key=lambda one: scores[one])


def _parsed(rows: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    try:
        yield from (cells for cells in csv.reader(rows, delimiter=delimiter) if any(map(str.strip, cells)))
    except csv.Error:
        return


def _lines(rows: Sequence[str], delimiter: str) -> Iterator[Line]:
    reader = csv.reader(rows, delimiter=delimiter, strict=True)
    number = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield Line(number, cells)
            number = reader.line_num + 1
    except csv.Error:
        raise UnreadableFile(
            Fault(number, "ett citattecken är inte avslutat, eller står mitt i en cell utan att vara dubblerat")
        ) from None


def _is_header(line: Line) -> bool:
    """Whether the first row names the columns; where its first cell is a word, it must."""
    if _named(line.cells):
        return True
    first = line.cells[0].strip()
    if first and not any(char.isdigit() for char in "".join(line.cells[:NEEDED])):
        raise UnreadableFile(Fault(line.number, f"rubriken känns inte igen; den ska heta {';'.join(TITLES)}"))
    return False


def _refuse_titles_above(lines: Sequence[Line]) -> None:
    """Where no header comes first, none may come later either: what stands above it would be taken for rows."""
    for line in lines[1:_LOOKED_AT]:
        if {COLUMNS[0], COLUMNS[1]} <= {column for column, _ in _named(line.cells)}:
            raise UnreadableFile(Fault(line.number, "rubriken står här; ta bort raderna ovanför"))


def _named(cells: Sequence[str]) -> list[tuple[str, int]]:
    """Each column that a title names, with its place."""
    titles = [unicodedata.normalize("NFC", cell).casefold() for cell in cells]
    return [(column, place) for place, title in enumerate(titles) for column in COLUMNS if column in title]


def _places(header: Line) -> tuple[int | None, ...]:
    if len(header.cells) < NEEDED:
        raise UnreadableFile(Fault(header.number, _TOO_FEW.format(what="rubriken", count=len(header.cells))))
    named = _named(header.cells)
    faults = []
    for number, column in enumerate(COLUMNS):
        count = sum(name == column for name, _ in named)
        if count > 1:
            faults.append(Fault(header.number, f"flera kolumner i rubriken heter något med {column}"))
        elif count == 0 and number < NEEDED:
            faults.append(Fault(header.number, f"rubriken saknar en kolumn för {column}"))
    if not faults and len({place for _, place in named}) < len(named):
        faults.append(Fault(header.number, "en titel i rubriken passar för flera kolumner"))
    found = dict(named)
    dates = header.cells[found["datum"]].casefold() if "datum" in found else ""
    if any(word in dates for word in _OTHER_DATES):
        why = "datumkolumnen ska säga från vilken dag läkaren är patientens; döp om den, eller ta bort den"
        faults.append(Fault(header.number, why))
    if faults:
        raise UnreadableFile(*faults)
    return tuple(found.get(column) for column in COLUMNS)


def _broken(line: Line, header: Line | None, places: Sequence[int | None], delimiter: str) -> str | None:
    """Why the row cannot be told apart into its columns."""
    needed = [place for place in places[:NEEDED] if place is not None]
    if len(line.cells) <= max(needed):
        return _TOO_FEW.format(what="raden", count=len(line.cells))
    width = len(COLUMNS) if header is None else len(header.cells)
    if any(cell.strip() for cell in line.cells[width:]):
        return f"raden har fler kolumner än {'de fyra som väntas' if header is None else 'rubriken'}"
    if any(len(line.cells[place]) > _LONGEST_CELL for place in places if place is not None and place < len(line.cells)):
        return f"en cell är längre än {_LONGEST_CELL} tecken"
    if any(part.count(delimiter) >= NEEDED - 1 for cell in line.cells for part in cell.splitlines()[1:]):
        return "en cell går över flera rader som ser ut som egna rader; saknas ett citattecken?"
    return None
