"""`FILE.felaktiga.csv`: as the rows were, safe to open, and read again."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path

import pytest

from cli.imports.faulty import harmless, path_for, write
from cli.imports.rows import read
from schemas.reply import FaultyRow
from tests.cli.imports.files import DOCTOR, HEADER, MIDDLE, TOLVAN, UNIT, lines, written

TODAY = date(2026, 5, 26)
NOT_LISTED = "Personnummer matchar inte vårdcentral vårdval"


def fault(row: int) -> FaultyRow:
    """One of the reply's faulty rows."""
    return FaultyRow(row=row, code="patient_not_listed", message=NOT_LISTED)


def faulty(folder: Path, content: str, *rows: int, encoding: str = "utf-8-sig") -> Path:
    """The file of faulty rows of a file with this content."""
    path = written(folder, content, encoding, "a.csv")
    return write(path, read(path, TODAY)[0], map(fault, rows))


@pytest.mark.parametrize(
    ("name", "becomes"),
    [
        ("a.csv", "a.felaktiga.csv"),
        ("a.b.csv", "a.b.felaktiga.csv"),
        ("a", "a.felaktiga"),
        ("A.CSV", "A.felaktiga.CSV"),
    ],
)
def test_felaktiga_stands_before_the_last_ending(name: str, becomes: str) -> None:
    assert path_for(Path("d") / name) == Path("d") / becomes


@pytest.mark.parametrize(
    ("encoding", "opened_as"), [("cp1252", "utf-8-sig"), ("utf-8", "utf-8-sig"), ("utf-16", "utf-16")]
)
def test_the_faulty_rows_stand_as_they_were_with_why(tmp_path: Path, encoding: str, opened_as: str) -> None:
    found = faulty(tmp_path, lines("900602-2397", TOLVAN), 2, encoding=encoding).read_bytes().decode(opened_as)
    assert found == f"{HEADER};Rad;Felmeddelande\r\n900602-2397;{UNIT};{DOCTOR};2026-05-20;2;{NOT_LISTED}\r\n"


def test_a_file_without_a_header_gets_one_so_that_it_can_be_sent_again(tmp_path: Path) -> None:
    found = faulty(tmp_path, f"{MIDDLE};{UNIT};{DOCTOR};;\r\n{TOLVAN};{UNIT};{DOCTOR};;\r\n", 2)
    assert found.read_text("utf-8-sig").splitlines() == [
        f"{HEADER};Rad;Felmeddelande",
        f"{TOLVAN};{UNIT};{DOCTOR};;2;{NOT_LISTED}",
    ]
    assert [(row.row, row.patient_id) for row in read(found, TODAY)[1]] == [(2, TOLVAN)]


def test_sent_again_and_faulty_again_it_does_not_grow(tmp_path: Path) -> None:
    once = faulty(tmp_path, lines(MIDDLE, TOLVAN), 3)
    twice = write(once, read(once, TODAY)[0], [fault(2)])
    assert twice.name == "a.felaktiga.felaktiga.csv"
    assert twice.read_text("utf-8-sig") == once.read_text("utf-8-sig").replace(";3;", ";2;")


@pytest.mark.parametrize(
    "cell", ["=1+1", "+46 31 1", "-cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", " =1+1", "＝1+1", '=HYPERLINK("x")']
)
def test_no_cell_begins_a_formula(tmp_path: Path, cell: str) -> None:
    assert harmless(cell).startswith("'")
    assert harmless(cell).replace("'", "") == cell.replace("'", "")
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";")
    writer.writerow(["Personnummer", "Enhet", "Läkare", cell, "Not"])
    writer.writerow([cell, cell, cell, "", cell])
    raw = faulty(tmp_path, text.getvalue(), 2).read_text("utf-8-sig", errors="strict")
    cells = [one for row in csv.reader(io.StringIO(raw, newline=""), delimiter=";") for one in row]
    assert not [one for one in cells if one.lstrip()[:1] in set("=+-@＝")]


@pytest.mark.parametrize("cell", ["199006022397", "-5", "+3,5", "2026-05-20", "900602-2397", "1,99006E+11", ""])
def test_numbers_dates_and_ids_stay_as_they_were(cell: str) -> None:
    assert harmless(cell) == cell


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
@pytest.mark.parametrize(
    "cell", ["x;=1+1;", "x,=1+1,", "x\t=1+1\t", "x\n=1+1;y", "x; =1+1", 'x;"=1+1"', "x|@SUM(1)", "=1+1", "a,\t-1"]
)
@pytest.mark.parametrize("read_with", [";", ",", "\t", "|"])
def test_no_cell_begins_a_formula_whatever_separator_the_spreadsheet_splits_at(
    tmp_path: Path, delimiter: str, cell: str, read_with: str
) -> None:
    """Swedish Excel splits at semicolons, UTF-16 at tabs, others at commas; a cell of ours may hold any of them."""
    quoted = '"' + cell.replace('"', '""') + '"'
    content = f"Personnummer;Enhet;Läkare;Not\r\n{TOLVAN};{UNIT};{DOCTOR};@\r\n".replace(";", delimiter)
    text = faulty(tmp_path, content.replace("@", quoted), 2).read_text("utf-8-sig")
    cells = [one.lstrip(' "') for row in csv.reader(io.StringIO(text, newline=""), delimiter=read_with) for one in row]
    assert [one for one in cells if one[:1] in tuple("=+-@")] == []


def test_a_separator_that_only_the_files_first_line_named_becomes_a_semicolon(tmp_path: Path) -> None:
    found = faulty(tmp_path, f"sep=|\r\n{TOLVAN}|{UNIT}|{DOCTOR}\r\n", 2)
    assert [(row.row, row.patient_id) for row in read(found, TODAY)[1]] == [(2, TOLVAN)]


def test_a_column_of_the_senders_own_that_is_called_as_ours_is_kept(tmp_path: Path) -> None:
    found = faulty(tmp_path, f"Rad;Personnummer;Enhet;Läkare\r\n77;{TOLVAN};{UNIT};{DOCTOR}\r\n", 2)
    assert found.read_text("utf-8-sig").splitlines()[1] == f"77;{TOLVAN};{UNIT};{DOCTOR};2;{NOT_LISTED}"
