"""Files as Swedish Excel versions and people write them, and some that no one should write."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from cli.imports.rows import read
from cli.imports.text import UnreadableFile
from tests.cli.imports.files import DOCTOR, HEADER, MIDDLE, OTHER_UNIT, TOLVAN, UNIT, YOUNG, lines, written

TODAY = date(2026, 5, 26)
BOTH = lines(TOLVAN, MIDDLE)
DAY = "2026-05-20"


def parsed(path: Path) -> list[tuple[int, str, str, str, str | None]]:
    """The rows that would be sent."""
    _, rows = read(path, TODAY)
    return [(row.row, row.patient_id, row.unit_hsa_id, row.doctor_hsa_id, row.start) for row in rows]


def refusal(path: Path) -> list[str]:
    """What is said of a file that cannot be read."""
    with pytest.raises(UnreadableFile) as caught:
        read(path, TODAY)
    assert not any(patient[2:8] in str(fault) for patient in (TOLVAN, MIDDLE, YOUNG) for fault in caught.value.faults)
    return [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_every_encoding_line_end_and_separator_reads_the_same(
    tmp_path: Path, encoding: str, end: str, delimiter: str
) -> None:
    text = lines(TOLVAN, MIDDLE, end=end).replace(";", delimiter)
    assert parsed(written(tmp_path, text, encoding)) == [
        (2, TOLVAN, UNIT, DOCTOR, DAY),
        (3, MIDDLE, UNIT, DOCTOR, DAY),
    ]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (lines(TOLVAN, header=None), [(1, TOLVAN, UNIT, DOCTOR, DAY)]),
        (f"{TOLVAN};{UNIT};{DOCTOR}", [(1, TOLVAN, UNIT, DOCTOR, None)]),
        (f"{TOLVAN};{UNIT};{DOCTOR};;;\r\n", [(1, TOLVAN, UNIT, DOCTOR, None)]),
        (f'"{TOLVAN}";"{UNIT}";"{DOCTOR}";""\r\n', [(1, TOLVAN, UNIT, DOCTOR, None)]),
        (f"\r\n\r\n{TOLVAN};{UNIT};{DOCTOR}\r\n;;;\r\n \r\n{MIDDLE};{UNIT};{DOCTOR}\r\n\x20",
         [(3, TOLVAN, UNIT, DOCTOR, None), (6, MIDDLE, UNIT, DOCTOR, None)]),
        (f"sep=;\r\n{HEADER}\r\n{TOLVAN};{UNIT};{DOCTOR};{DAY}\r\n", [(3, TOLVAN, UNIT, DOCTOR, DAY)]),
        (f"DATUM;HSA-ID LÄKARE;Namn;VÅRDENHET;PERSONNUMMER\n{DAY};{DOCTOR};Ek, Bo;{UNIT};{TOLVAN}\n",
         [(2, TOLVAN, UNIT, DOCTOR, DAY)]),
        (f"Personnummer;Enhet;La\u0308kare\n{TOLVAN};{UNIT};{DOCTOR}\n", [(2, TOLVAN, UNIT, DOCTOR, None)]),
        (f'Personnummer,Enhet,"Läkare, HSA-id"\n{TOLVAN},{UNIT},{DOCTOR}\n', [(2, TOLVAN, UNIT, DOCTOR, None)]),
        (f'Not;Personnummer;Enhet;Läkare\n"två\nrader";{TOLVAN};{UNIT};{DOCTOR}\n;{MIDDLE};{UNIT};{DOCTOR}\n',
         [(2, TOLVAN, UNIT, DOCTOR, None), (4, MIDDLE, UNIT, DOCTOR, None)]),
        (f"{HEADER};Rad;Felmeddelande\n900602-2397;{UNIT};{DOCTOR};;17;Något\n", [(2, MIDDLE, UNIT, DOCTOR, None)]),
        (f"{TOLVAN};{UNIT};{DOCTOR}\r\n\x1a", [(1, TOLVAN, UNIT, DOCTOR, None)]),
        (f"{HEADER}\nokänd;{OTHER_UNIT};;03/04/2026\n", [(2, "okänd", OTHER_UNIT, "", "03/04/2026")]),
    ],
)  # fmt: skip
def test_files_are_read_as_their_writers_meant_them(tmp_path: Path, text: str, rows: list[object]) -> None:
    assert parsed(written(tmp_path, text)) == rows


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "filen har inga rader"),
        ("\r\n;;;\r\n", "filen har inga rader"),
        (HEADER, "filen har en rubrik men inga rader"),
        ("Personnummer;Läkare;Not\n1;2;3\n", "rad 1: rubriken saknar en kolumn för enhet"),
        ("Personnummer|Enhet|Läkare\n1|2|3\n", "rad 1: rubriken har för få kolumner (1)"),
        (
            f"Personnummer;Enhet;Läkare;Startdatum;Födelsedatum\n{TOLVAN};a;b;;1912-12-12\n",
            "rad 2: kolumn E (Födelsedatum) har datum",
        ),
        (f"Personnummer;Enhet;Läkare;Startdatum;Beslutsdatum\n{TOLVAN};a;b;;\n", "rad 1: flera kolumner"),
        (f"Personnummer läkare;Enhet;Not\n{TOLVAN};{UNIT};\n", "rad 1: en titel i rubriken passar för flera kolumner"),
        (f"PNR;Vårdcentral;Doktor\n{TOLVAN};{UNIT};{DOCTOR}\n", "rad 1: rubriken känns inte igen"),
        (lines(TOLVAN) + f"{MIDDLE}\n", "rad 3: raden har för få kolumner"),
        (lines(TOLVAN) + f"{MIDDLE};{UNIT};{DOCTOR};;x\n", "rad 3: raden har fler kolumner än rubriken"),
        (f"{TOLVAN} {UNIT} {DOCTOR}\n", "rad 1: raden har för få kolumner"),
        (lines(TOLVAN) + f'"{MIDDLE};{UNIT};{DOCTOR}\n', "rad 3: ett citattecken är inte avslutat"),
        (lines(TOLVAN, "1,99006E+11"), "rad 3: Excel har gjort om personnumret till ett avrundat tal"),
        (lines(TOLVAN, "x" * 300), "rad 3: en cell är längre än 200 tecken"),
        (lines(TOLVAN, "19900602\x002397").encode(), "rad 3: ett styrtecken"),
        (b"\xef\xbb\xbf" + lines(TOLVAN, "\xe5").encode("latin-1"), "rad 1: ett tecken kan inte läsas som UTF-8"),
        (
            lines(TOLVAN).encode("cp1252") + b"\x81;;",
            "rad 3: ett tecken går inte att läsa: filen är sparad i en annan teckenkodning",
        ),
        (lines(TOLVAN).encode("utf-16")[:-1], "rad 3: ett tecken kan inte läsas som UTF-16-LE"),
        (b"PK\x03\x04\x14\x00", "filen är en Excel-arbetsbok (.xlsx)"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "filen är en äldre Excel-arbetsbok (.xls)"),
        (b"%PDF-1.7", "filen är en PDF"),
    ],
)
def test_a_file_that_cannot_be_read_says_which_line_and_why(tmp_path: Path, content: str | bytes, says: str) -> None:
    assert refusal(written(tmp_path, content))[0].startswith(says)


def test_every_rounded_personnummer_is_named(tmp_path: Path) -> None:
    found = refusal(written(tmp_path, lines("1,99006E+11", TOLVAN, "2,01701E+11")))
    assert [fault.split(":")[0] for fault in found] == ["rad 2", "rad 4"]


@pytest.mark.parametrize("name", ["saknas.csv", "."])
def test_a_file_that_cannot_be_opened_says_so(tmp_path: Path, name: str) -> None:
    assert refusal(tmp_path / name)[0].startswith("filen kan inte öppnas")


def test_rows_that_a_lone_quote_would_swallow_are_not_lost_without_a_word(tmp_path: Path) -> None:
    """A quote as a ditto mark in a column that is not used: what follows would be taken for a note."""
    rows = "".join(f'{one};{UNIT};{DOCTOR};"\r\n' for one in (TOLVAN, MIDDLE))
    text = f"Personnummer;Enhet;Läkare;Not\r\n{rows}{YOUNG};{UNIT};{DOCTOR};\r\n"
    (why,) = refusal(written(tmp_path, text, "utf-8"))
    assert why.startswith("rad 2: en cell går över flera rader som ser ut som egna rader")


def test_a_note_of_several_lines_is_a_note(tmp_path: Path) -> None:
    text = f'Personnummer;Enhet;Läkare;Not\r\n{TOLVAN};{UNIT};{DOCTOR};"ett\r\ntvå; tre\r\nfyra"\r\n'
    assert parsed(written(tmp_path, text, "utf-8")) == [(2, TOLVAN, UNIT, DOCTOR, None)]


@pytest.mark.parametrize("title", ["Födelsedatum", "Slutdatum", "FÖDELSEDATUM"])
def test_dates_of_something_else_are_not_taken_for_the_links(tmp_path: Path, title: str) -> None:
    text = f"Personnummer;Enhet;Läkare;{title}\r\n{TOLVAN};{UNIT};{DOCTOR};1912-12-12\r\n"
    (why,) = refusal(written(tmp_path, text, "utf-8"))
    assert why.startswith("rad 1: datumkolumnen ska säga från vilken dag")


def test_a_header_below_a_title_line_is_not_taken_for_a_row(tmp_path: Path) -> None:
    text = f"Lista 2026-05-26;;;\r\nPersonnummer;Läkare;Enhet;Datum\r\n{TOLVAN};{DOCTOR};{UNIT};\r\n"
    assert refusal(written(tmp_path, text, "utf-8")) == ["rad 2: rubriken står här; ta bort raderna ovanför"]


def test_a_separator_line_that_a_program_padded_is_one(tmp_path: Path) -> None:
    text = f"sep=;;;;\r\n{TOLVAN};{UNIT};{DOCTOR};\r\n"
    assert parsed(written(tmp_path, text, "utf-8")) == [(2, TOLVAN, UNIT, DOCTOR, None)]


def test_a_giant_cell_is_called_one_and_a_giant_note_is_a_note(tmp_path: Path) -> None:
    giant = "x" * 140_000
    text = f"Personnummer;Enhet;Läkare;Not\r\n{TOLVAN};{UNIT};{DOCTOR};{giant}\r\n"
    assert parsed(written(tmp_path, text, "utf-8")) == [(2, TOLVAN, UNIT, DOCTOR, None)]
    text = f"Personnummer;Enhet;Läkare;Not\r\n{TOLVAN};{UNIT};{giant};\r\n"
    assert refusal(written(tmp_path, text, "utf-8")) == ["rad 2: en cell är längre än 200 tecken"]
