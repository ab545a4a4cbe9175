"""Dates in the column of dates: read for certain, or the row is refused."""

from __future__ import annotations

from tests.cli.imports.corpus.file import DAY, TODAY, TOLVAN, CsvFile, table

TOO_NARROW = ("rad 2: datumet är sparat som ####, för kolumnen var för smal; gör den bredare i Excel och spara igen",)


def day(cell: str, read: str | None = TODAY, *, faulty: str = "", refused: tuple[str, ...] = ()) -> CsvFile:
    """A file with one row and this date: what it is read as, else the row's code, else why nothing is sent."""
    links = {} if faulty or refused else {2: (TOLVAN, read)}
    return CsvFile(f"date {cell}", table(f"{TOLVAN};@;{cell}"), links, {2: faulty} if faulty else {}, refused)


FILES = (
    *(day(cell, DAY) for cell in (
        "2026-05-20 00:00:00", "2026-05-20T00:00:00", "20260520", "2026/05/20", "2026.05.20", "2026-5-20", "20.5.2026",
        "20/05/2026", "5/20/2026", "20 maj 2026", "den 20 maj 2026", "20-maj-2026", "2026–05–20",
        "2026\u201105\u201120", "\u200e2026-05-20", "2026\u00ad05\u00ad20", "'2026-05-20",
    )),
    day(" ", TODAY),
    *(day(cell, faulty="invalid_date") for cell in (
        "46162", "46162,5", "03/04/2026", "26-05-20", "260520", "2026-02-30", "2026-05", "maj 2026",
        "2026-05-19T22:00Z", "i går", "-", "NULL", "0000-00-00", "2026-05-20 till 2026-06-20",
    )),
    day("2026-05-27", faulty="date_in_future"),
    day("########", refused=TOO_NARROW),
)  # fmt: skip
