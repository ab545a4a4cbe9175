"""Which columns a header names: their titles, in what encoding and with what marks they may stand (running.md)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from cli.imports.cells import hsa_id
from cli.imports.marks import visible
from cli.imports.text import OTHER_ENCODING, Fault, UnreadableFile
from handlers.redaction import contains_patient_id
from schemas.ids import normal_hsa_id

#: how the columns are recognised in a header, and their order where there is none
COLUMNS = ("personnummer", "enhet", "läkare", "datum")
TITLES = ("Personnummer", "Enhetens HSA-id", "Läkarens HSA-id", "Datum")
NEEDED = 3
TOO_FEW = "{what} har för få kolumner ({count}); är avgränsaren semikolon, komma eller tabb?"
_LONGEST_TITLE = 40
_no_word = re.compile(r"[\W_]+")
#: what names the first day of a link beside `datum`
_names_a_start = re.compile(r"\bf ?r ?o ?m\b|\bfom\b|\bfrån\b|\bfrom\b|\bstart|\bdate\b").search
#: what tells in a title that its dates are those of something else than the link's first day
_names_another_day = re.compile(
    r"föd|död|(?<!be)slut|upphör|ändr|besök|utskr|\btill\b|\bt ?o ?m\b|\bbirth|\bend\b"
).search
#: `läkare` when its second letter was read in another encoding than it was written in, whichever: `L„kare`, `LÃ¤kare`,
#: `L?kare`, `L{kare`, `L=E4kare`, `L&auml;kare`
_is_garbled = re.compile(r"l(?!äkare)([^a-z\s].{0,7}?)?kare").search


class Column(NamedTuple):
    """A column by its place and title, as a spreadsheet shows it: `C (Namn)`."""

    place: int
    title: str

    def __str__(self) -> str:
        """Its letter, and its title unless that could be a personnummer (D1)."""
        letters, number = "", self.place + 1
        while number:
            number, rest = divmod(number - 1, 26)
            letters = chr(ord("A") + rest) + letters
        title = " ".join(visible(self.title).split())
        if not title or contains_patient_id(title):
            return letters
        return f"{letters} ({title[:_LONGEST_TITLE]}{'…' if len(title) > _LONGEST_TITLE else ''})"


def normal(title: str) -> str:
    """The title as it is compared: without regard to case and to marks nobody sees."""
    return unicodedata.normalize("NFC", " ".join(visible(title).split())).casefold()


def named(cells: Sequence[str]) -> list[tuple[str, int]]:
    """Each column that a title names, with its place."""
    return [(column, place) for place, cell in enumerate(cells) for column in _columns_of(normal(cell))]


def is_full(cells: Sequence[str]) -> bool:
    """Whether a row can be nothing but a header: two titles in two cells, and no HSA-id."""
    text = normal(";".join(cells))
    if COLUMNS[0] not in text or COLUMNS[1] not in text:  # thousands of rows are asked
        return False
    found = named(cells)
    patients, units = ({at for name, at in found if name == column} for column in COLUMNS[:2])
    return bool(patients and units) and len(patients | units) > 1 and not _holds_hsa_id(cells)


def is_header(number: int, cells: Sequence[str]) -> bool:
    """Whether the first row, on this line, names the columns; where its first cells are words, it must. A row with an
    HSA-id in it is a patient's, whatever words it has.

    Raises UnreadableFile.
    """
    if _holds_hsa_id(cells):
        return False
    if named(cells):
        return True
    first = visible(cells[0])
    if first and not any(char.isdigit() for char in "".join(cells[:NEEDED])):
        _refuse_garbled(number, cells)
        raise UnreadableFile(Fault(number, f"rubriken känns inte igen; den ska heta {';'.join(TITLES)}"))
    return False


def places(number: int, cells: Sequence[str]) -> tuple[int | None, ...]:
    """The places of the columns in the order of COLUMNS, None for a date column that is missing. Raises UnreadableFile
    where the header, on this line, does not name each once."""
    found = named(cells)
    if COLUMNS[2] not in dict(found):
        _refuse_garbled(number, cells)
    if len(cells) < NEEDED:
        raise UnreadableFile(Fault(number, TOO_FEW.format(what="rubriken", count=len(cells))))
    faults = []
    for place, column in enumerate(COLUMNS[:NEEDED]):
        named_so = [Column(at, cells[at]) for name, at in found if name == column]
        if len(named_so) > 1:
            reason = f"flera kolumner i rubriken heter något med {column}: {_listed(named_so)};"
            faults.append(Fault(number, f"{reason} döp om eller ta bort dem som inte ska med"))
        elif not named_so:
            faults.append(Fault(number, f"rubriken saknar en kolumn för {column}; den ska heta {TITLES[place]}"))
    date, fault = _date_column([Column(at, cells[at]) for name, at in found if name == COLUMNS[3]])
    if fault is not None:
        faults.append(Fault(number, fault))
    needed = [at for name, at in found if name != COLUMNS[3]] + ([] if date is None else [date])
    if not faults and len(set(needed)) < len(needed):
        faults.append(Fault(number, "en titel i rubriken passar för flera kolumner"))
    if faults:
        raise UnreadableFile(*faults)
    return tuple({**dict(found), COLUMNS[3]: date}[column] for column in COLUMNS)


def _holds_hsa_id(cells: Sequence[str]) -> bool:
    return any(normal_hsa_id(hsa_id(cell)) is not None for cell in cells)


def _columns_of(title: str) -> list[str]:
    columns = [column for column in COLUMNS if column in title]
    if COLUMNS[3] not in columns:
        words = _no_word.sub(" ", title)
        if _names_a_start(words) and not _names_another_day(words):
            columns.append(COLUMNS[3])
    return columns


def _date_column(dates: list[Column]) -> tuple[int | None, str | None]:
    """The place of the one that says from which day the doctor is the patient's, or why there is no telling."""
    own = [date for date in dates if not _names_another_day(_no_word.sub(" ", normal(date.title)))]
    if len(own) > 1:
        return None, f"flera kolumner i rubriken kan vara datumet: {_listed(own)}; behåll bara en av dem"
    if dates and not own:
        what = f"datumkolumnen ska säga från vilken dag läkaren är patientens, inte {_listed(dates)}"
        return None, f"{what}; döp om den, eller ta bort den"
    return own[0].place if own else None, None


def _listed(columns: Sequence[Column]) -> str:
    return ", ".join(map(str, columns))


def _refuse_garbled(number: int, cells: Sequence[str]) -> None:
    """A header in which everybody reads `läkare` but not with these bytes is in another encoding."""
    if _is_garbled(";".join(map(normal, cells))):
        raise UnreadableFile(Fault(number, f"ordet läkare i rubriken går inte att läsa: {OTHER_ENCODING}"))
