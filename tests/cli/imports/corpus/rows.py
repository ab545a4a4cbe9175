"""Rows that the service judges: one faulty row, and nothing of the file is registered."""

from __future__ import annotations

from tests.cli.imports.corpus.file import DAY, HEADER, MIDDLE, TODAY, TOLVAN, YOUNG, CsvFile, D, U, table

OTHER = "SE2321000131-E000000000799"

FILES = (
    CsvFile("the same patient twice, written differently", table(f"{MIDDLE};@;", "900602-2397;@;"),
            {2: (MIDDLE, TODAY)}, {3: "duplicate_row"}),
    CsvFile("a row of another unit", f"{HEADER}\r\n{TOLVAN};{OTHER};{D};\r\n{YOUNG};{U};{D};\r\n",
            {3: (YOUNG, TODAY)}, {2: "unit_mismatch"}),
    CsvFile("unit and doctor the other way round", f"{HEADER}\r\n{TOLVAN};{D};{U};\r\n", faulty={2: "unit_mismatch"}),
    CsvFile("a doctor who is not active", f"{HEADER}\r\n{TOLVAN};{U};{OTHER};\r\n", faulty={2: "doctor_not_active"}),
    CsvFile("a patient who is listed elsewhere", table("19850101-2390;@;", f"{TOLVAN};@;{DAY}"),
            {3: (TOLVAN, DAY)}, {2: "patient_not_listed"}),
    CsvFile("numbers of rows count lines, also within quotes",
            table(f'{TOLVAN};@;"två\nrader"', "fel;@;", header="Personnummer;Enhet;Läkare;Not"),
            {2: (TOLVAN, TODAY)}, {4: "invalid_patient_id"}, unused=("D (Not)",)),
)  # fmt: skip
