"""A file becomes the rows of an import (contract.md, An import in parts)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from cli.imports.cells import destroyed, hsa_id, patient_id
from cli.imports.dates import dated, start
from cli.imports.header import Column
from cli.imports.table import Table, cell_at, read_table
from cli.imports.text import Fault, UnreadableFile, read_text
from schemas.command import ImportRow

_WHAT = ("personnumret", "enhetens HSA-id", "läkarens HSA-id", "datumet")


def read(path: Path, today: date) -> tuple[Table, list[ImportRow]]:
    """The file as a table, and its rows as they are sent. Raises UnreadableFile."""
    table = read_table(read_text(path))
    return table, rows(table, today)


def rows(table: Table, today: date) -> list[ImportRow]:
    """The rows as they are sent; a cell that is no id or date goes as it stands, for the service judges it by row.

    Raises UnreadableFile where Excel has destroyed a cell, as what it was is lost, and where a column has dates that
    would not be sent: nothing then is.
    """
    faults = [*_dates_left_out(table), *_destroyed(table)]
    if faults:
        raise UnreadableFile(*faults)
    found: list[ImportRow] = []
    for line in table.lines:
        patient, unit, doctor, day = table.cells(line)
        found.append(
            ImportRow(
                row=line.number,
                patient_id=patient_id(patient, today),
                unit_hsa_id=hsa_id(unit),
                doctor_hsa_id=hsa_id(doctor),
                start=start(day),
            )
        )
    return found


def _destroyed(table: Table) -> Iterator[Fault]:
    for line in table.lines:
        for what, cell in zip(_WHAT, table.cells(line), strict=True):
            reason = destroyed(cell)
            if reason is not None:
                yield Fault(line.number, reason.format(what=what))


def _dates_left_out(table: Table) -> Iterator[Fault]:
    """A column of dates may be that of the links, or say that they have ended: only the sender knows."""
    date_place = table.places[-1]
    for column in table.unused:
        places = dated([cell_at(line, column.place) for line in table.lines])
        if not places:
            continue
        if date_place is None:
            reason = "men titeln säger inte att det är från vilken dag läkaren är patientens; döp om den till Datum"
            reason = f"{reason} om det är så, ta annars bort den"
        else:
            own = Column(date_place, (table.header or ())[date_place])
            reason = f"men bara datumen i kolumn {own} skickas; ta bort den kolumn som inte ska med"
        yield Fault(table.lines[places[0]].number, f"kolumn {column} har datum, {reason}")
