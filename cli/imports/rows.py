"""A file becomes the rows of an import (contract.md, An import in parts)."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from cli.imports.cells import is_scientific, patient_id, plain, start
from cli.imports.table import Table, read_table
from cli.imports.text import Fault, UnreadableFile, read_text
from schemas.command import ImportRow


def read(path: Path, today: date) -> tuple[Table, list[ImportRow]]:
    """The file as a table, and its rows as they are sent. Raises UnreadableFile."""
    table = read_table(read_text(path))
    return table, rows(table, today)


def rows(table: Table, today: date) -> list[ImportRow]:
    """The rows as they are sent; a cell that is no id or date goes as it stands, for the service judges it by row.

    Raises UnreadableFile where Excel has rounded a personnummer: what it was is lost, so nothing is sent.
    """
    found: list[ImportRow] = []
    faults: list[Fault] = []
    for line in table.lines:
        patient, unit, doctor, day = table.cells(line)
        if is_scientific(patient):
            reason = "Excel har gjort om personnumret till ett avrundat tal (som 1,99E+11); skriv in det igen, som text"
            faults.append(Fault(line.number, reason))
        found.append(
            ImportRow(
                row=line.number,
                patient_id=patient_id(patient, today),
                unit_hsa_id=plain(unit),
                doctor_hsa_id=plain(doctor),
                start=start(day),
            )
        )
    if faults:
        raise UnreadableFile(*faults)
    return found
