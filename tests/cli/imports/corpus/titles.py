"""Titles of the columns: which one is the date, and which dates nobody may drop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.cli.imports.corpus.file import DAY, MIDDLE, TODAY, TOLVAN, CsvFile, D, U, table

LINK = {2: (TOLVAN, DAY)}
NONE: Mapping[int, Any] = {}


def dated(
    title: str,
    *more: str,
    cells: str = "",
    links: Mapping[int, tuple[str, str | None]] = NONE,
    refused: tuple[str, ...] = (),
    unused: tuple[str, ...] = (),
) -> CsvFile:
    """A file whose fourth column is called so, with a date in it; more titles and cells follow."""
    header = ";".join(["Personnummer;Enhet;Läkare", title, *more])
    name = ", ".join([f"date titled {title}", *(f"and {one}{' with' if cells.strip(';') else ''}" for one in more)])
    return CsvFile(name, table(f"{TOLVAN};@;{DAY}{cells}", header=header), links, NONE, refused, unused)


def unknown(column: str) -> str:
    """What is said of a column with dates where no column is called as theirs."""
    reason = "titeln säger inte att det är från vilken dag läkaren är patientens; döp om den till Datum om det är så"
    return f"rad 2: kolumn {column} har datum, men {reason}, ta annars bort den"


def second(column: str, own: str) -> str:
    """What is said of a column with dates beside that of the links."""
    return (
        f"rad 2: kolumn {column} har datum, men bara datumen i kolumn {own} skickas;"
        " ta bort den kolumn som inte ska med"
    )


def other(title: str) -> str:
    """What is said of a column whose title tells of another day."""
    return f"rad 1: datumkolumnen ska säga från vilken dag läkaren är patientens, inte D ({title});" + (
        " döp om den, eller ta bort den"
    )


FILES = (
    *(dated(title, links=LINK) for title in (
        "Fr.o.m.", "fr o m", "FR. O. M.", "From", "fom", "Från och med", "Från", "Gäller från", "GÄLLER_FRÅN",
        "Gäller fr.o.m.", "Giltig fr. o. m.", "Startdatum", "Start", "Startdag", "Tilldelningsdatum", "Start date",
        "Date", "Datum (ÅÅÅÅ-MM-DD)", "Da\u00adtum", "Fr\u200b.o.m.",
    )),
    CsvFile("date titled Gäller från in Windows-1252",
            f"Personnummer;Enhet;Läkare;Gäller från\r\n19900602-2397;{U};{D};2024-01-15\r\n",
            {2: (MIDDLE, "2024-01-15")}, encoding="cp1252"),
    dated("Tilldelad", refused=(unknown("D (Tilldelad)"),)),
    dated("Kolumn1", refused=(unknown("D (Kolumn1)"),)),
    dated("", refused=(unknown("D"),)),
    dated("T.o.m.", refused=(unknown("D (T.o.m.)"),)),
    dated("Född", refused=(unknown("D (Född)"),)),
    dated("Patient sedan", refused=(unknown("D (Patient sedan)"),)),
    dated("End date", refused=(unknown("D (End date)"),)),
    dated("Slutdatum", refused=(other("Slutdatum"),)),
    dated("Födelsedatum", refused=(other("Födelsedatum"),)),
    dated("Datum t.o.m.", refused=(other("Datum t.o.m."),)),
    dated("Datum", "Fr.o.m.", cells=";", refused=(
        "rad 1: flera kolumner i rubriken kan vara datumet: D (Datum), E (Fr.o.m.); behåll bara en av dem",)),
    dated("Startdatum", "Beslutsdag", cells=";", links=LINK, unused=("E (Beslutsdag)",)),
    dated("Startdatum", "Beslutsdag", cells=";2026-05-19", refused=(second("E (Beslutsdag)", "D (Startdatum)"),)),
    dated("Fr.o.m.", "T.o.m.", cells=";", links=LINK, unused=("E (T.o.m.)",)),
    dated("Fr.o.m.", "T.o.m.", cells=";31/12/2026", refused=(second("E (T.o.m.)", "D (Fr.o.m.)"),)),
    dated("Startdatum", "Slutdatum", cells=";03/04/2026", refused=(second("E (Slutdatum)", "D (Startdatum)"),)),
    dated("Startdatum", "Födelsedatum", cells=";19121212", refused=(second("E (Födelsedatum)", "D (Startdatum)"),)),
    dated("Startdatum", "Löpnummer", cells=";20261399", links=LINK, unused=("E (Löpnummer)",)),
    dated("Startdatum", "Telefon", cells=";031-77-12", links=LINK, unused=("E (Telefon)",)),
    dated("Startdatum", "Senast sedd", cells=";26-05-19 08:15", refused=(second("E (Senast sedd)", "D (Startdatum)"),)),
    dated("Startdatum", "Not", cells=";Ringt 2026-05-19", links=LINK, unused=("E (Not)",)),
    CsvFile("a title with marks nobody sees",
            f"\u200ePerson\u00adnummer;En\u200bhet;\xa0Läkare\ufeff\r\n{TOLVAN};{U};{D}\r\n", {2: (TOLVAN, TODAY)}),
    CsvFile("a title for two columns", f"Personnummer läkare;Enhet;Not\r\n{TOLVAN};{U};\r\n",
            refused=("rad 1: en titel i rubriken passar för flera kolumner",)),
    CsvFile("two titles for one column",
            f"Personnummer;Enhet;Enhetens namn;Läkare\r\n{TOLVAN};{U};Majorna;{D}\r\n", refused=(
                "rad 1: flera kolumner i rubriken heter något med enhet: B (Enhet), C (Enhetens namn);"
                " döp om eller ta bort dem som inte ska med",)),
    CsvFile("a column is missing", f"Personnummer;Enhet;Not\r\n{TOLVAN};{U};x\r\n",
            refused=("rad 1: rubriken saknar en kolumn för läkare; den ska heta Läkarens HSA-id",)),
    CsvFile("titles of one's own", f"PNR;Vårdcentral;Doktor\r\n{TOLVAN};{U};{D}\r\n", refused=(
        "rad 1: rubriken känns inte igen; den ska heta Personnummer;Enhetens HSA-id;Läkarens HSA-id;Datum",)),
)  # fmt: skip
