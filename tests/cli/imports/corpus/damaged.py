"""Cells that Excel has destroyed: what stood there is lost, so nothing is sent, and it is said what people see."""

from __future__ import annotations

from tests.cli.imports.corpus.file import DAY, HEADER, TOLVAN, CsvFile, D, U, table

ROUNDED = "Excel har gjort om personnumret till ett avrundat tal (som 1,99E+11); skriv in det igen, som text"
ERROR = "står ett felvärde från Excel (som #SAKNAS!); rätta formeln eller skriv in värdet"

FILES = (
    CsvFile("rounded, with a comma", table(f"{TOLVAN};@;", "1,99006E+11;@;"), refused=(f"rad 3: {ROUNDED}",)),
    CsvFile("rounded, with a point", f"Personnummer,Enhet,Läkare\n1.99006E+11,{U},{D}\n",
            refused=(f"rad 2: {ROUNDED}",)),
    CsvFile("rounded, with a comma between commas", f'Personnummer,Enhet,Läkare\n"1,99006E+11",{U},{D}\n',
            refused=(f"rad 2: {ROUNDED}",)),
    CsvFile("rounded, then shown in full", table("199006000000;@;"), refused=(f"rad 2: {ROUNDED}",)),
    CsvFile("rounded in two rows", table("1,99006E+11;@;", f"{TOLVAN};@;", "2E+11;@;"),
            refused=(f"rad 2: {ROUNDED}", f"rad 4: {ROUNDED}")),
    CsvFile("a column too narrow", table("########;@;"), refused=(
        "rad 2: personnumret är sparat som ####, för kolumnen var för smal; gör den bredare i Excel och spara igen",)),
    CsvFile("a look-up of the doctor that found none", f"{HEADER}\r\n{TOLVAN};{U};#SAKNAS!;{DAY}\r\n",
            refused=(f"rad 2: i stället för läkarens HSA-id {ERROR}",)),
    CsvFile("a look-up of the unit that found none, in English", f"{HEADER}\r\n{TOLVAN};#N/A;{D};{DAY}\r\n",
            refused=(f"rad 2: i stället för enhetens HSA-id {ERROR}",)),
    CsvFile("a formula for the date that failed", table(f"{TOLVAN};@;#VÄRDEFEL!"),
            refused=(f"rad 2: i stället för datumet {ERROR}",)),
    CsvFile("an id of three hundred characters", table(f"{'1' * 300};@;"),
            refused=("rad 2: en cell är längre än 200 tecken",)),
)  # fmt: skip
