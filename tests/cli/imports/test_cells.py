"""What a cell means, and what is never guessed."""

from __future__ import annotations

from datetime import date

import pytest

from cli.imports.cells import destroyed, hsa_id, patient_id
from cli.imports.dates import start

TODAY = date(2026, 5, 26)
TOLVAN, YOUNG, MIDDLE = "191212121212", "201701012393", "199006022397"
ZEROS = "200001012384"  # born in the year 2000: as ten digits it begins with two zeros


@pytest.mark.parametrize(
    ("cell", "means"),
    [
        ("199006022397", MIDDLE),
        ("19900602-2397", MIDDLE),
        ("900602-2397", MIDDLE),
        ("9006022397", MIDDLE),
        ("900602\u20132397", MIDDLE),
        ("19900602 2397", MIDDLE),
        ("199\u00a0006\u00a0022\u00a0397", MIDDLE),
        (" 199006022397\u00a0", MIDDLE),
        ("'199006022397", MIDDLE),
        ('="199006022397"', MIDDLE),
        ("199006022397,00", MIDDLE),
        ("9006022397.0", MIDDLE),
        ("121212+1212", TOLVAN),
        ("121212-2384", "201212122384"),
        ("170101-2393", YOUNG),
        ("1701012393", YOUNG),
        ("260526-2391", "202605262391"),
        ("260527-2391", "192605272391"),
        ("260527+2391", "192605272391"),
        ("270101+2391", "182701012391"),
        ("000229-2384", "200002292384"),
        ("900662-2397", "199006622397"),
    ],
)
def test_a_personnummer_is_read_as_people_and_excel_write_it(cell: str, means: str) -> None:
    assert patient_id(cell, TODAY) == means


def test_lost_leading_zeros_come_back_where_the_check_digit_says_so() -> None:
    short = ZEROS[2:].lstrip("0")
    assert (len(short), patient_id(short, TODAY)) == (7, ZEROS)
    wrong = short[:-1] + str((int(short[-1]) + 1) % 10)
    assert patient_id(wrong, TODAY) == wrong


@pytest.mark.parametrize(
    "cell",
    ["", "okänd", "12345", "99006022397", "1990060223971", "901302-2397", "19900602+2397", "12121A-1212", "#NAMN?"],
)
def test_what_is_no_personnummer_goes_as_it_stands(cell: str) -> None:
    assert patient_id(cell, TODAY) == cell


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("1,99006E+11", "{what} till ett avrundat tal"),
        ("1.99006E+11", "{what} till ett avrundat tal"),
        ("2E+11", "{what} till ett avrundat tal"),
        ("1,99006022397e11", "{what} till ett avrundat tal"),
        (" 1,99E+11 ", "{what} till ett avrundat tal"),
        ("'9,0E+9", "{what} till ett avrundat tal"),
        ("199006000000", "{what} till ett avrundat tal"),
        ("########", "{what} är sparat som ####"),
        ("#SAKNAS!", "i stället för {what} står ett felvärde"),
        ("#N/A", "i stället för {what} står ett felvärde"),
        ("#NAMN?", "i stället för {what} står ett felvärde"),
    ],
)
def test_a_cell_that_excel_destroyed_is_told_apart(cell: str, says: str) -> None:
    assert says in (destroyed(cell) or "")


@pytest.mark.parametrize("cell", ["199006022397", "SE2321000131-E000000000712", "E+11", "", "#1", "2026-05-20"])
def test_other_cells_are_not_destroyed(cell: str) -> None:
    assert destroyed(cell) is None


@pytest.mark.parametrize(
    ("cell", "means"),
    [
        ("19090527+2381", "190905272381"),
        ("19090121+2399", "190901212399"),
        ("19251231+2392", "192512312392"),
        ("19261231+2391", "192612312391"),
        ("19270101-2398", "192701012398"),
        ("20170101-2393", YOUNG),
        ("19900662-2397", "199006622397"),
        ("19900602+2397", "19900602+2397"),
        ("19090527-2381", "19090527-2381"),
        ("18991231-2393", "18991231-2393"),
        ("20170101+2393", "20170101+2393"),
    ],
)
def test_in_twelve_digits_a_sign_agrees_with_the_century_or_it_is_no_personnummer(cell: str, means: str) -> None:
    """`+` from the beginning of the year in which the person turns a hundred."""
    assert patient_id(cell, TODAY) == means


HSA = "SE2321000131-E000000007623"


@pytest.mark.parametrize(
    "cell",
    [
        HSA,
        f"\u00a0{HSA}\u200b",
        *(f"SE2321000131{dash}E000000007623" for dash in "\u2010\u2011\u2012\u2013\u2014\u2212\u00ad\x96"),
        "SE2321000131 - E000000007623",
        "SE2321000131-\nE000000007623",
        "SE2321000131-E000\u202f000\u00a0007623",
        "SE2321000131-E00000\u00ad0007623",
        f"'{HSA}",
        f'="{HSA}"',
        f"”{HSA}”",
    ],
)
def test_an_hsa_id_is_read_without_what_copying_adds(cell: str) -> None:
    assert hsa_id(cell) == HSA


@pytest.mark.parametrize("cell", [f"{HSA} 1", f"{HSA} Majorna", "SE2321000131E000000007623", "Dr Ek", "", "SE23 21-E1"])
def test_what_is_no_hsa_id_goes_as_it_stands(cell: str) -> None:
    assert hsa_id(cell) == cell


@pytest.mark.parametrize(
    "cell",
    [
        "2026-05-26", "20260526", "2026-05-26 00:00:00", "2026-05-26 00:00", "2026-05-26T00:00:00", "2026/05/26",
        "2026.05.26", "2026-5-26", "26/05/2026", "26-05-2026", "05/26/2026", "26.05.2026", "26.5.2026", "26 maj 2026",
        "den 26 maj 2026", "26-maj-2026", "2026-05-26 23:59:59.5", " 2026-05-26 ", "'2026-05-26", '="2026-05-26"',
    ],
)  # fmt: skip
def test_a_date_is_read_as_swedish_excel_writes_it(cell: str) -> None:
    assert start(cell) == "2026-05-26"


@pytest.mark.parametrize(
    "cell",
    [
        "10 junuari 2026",
        "10 marsipan 2026",
        "1 julafton 2026",
        "2026-05-25T22:00:00Z",
        "2026-05-25 24:00:00",
        "2026-05-25 09:99",
        "03/04/2026",
        "46168",
        "260526",
        "26-05-26",
        "2026-02-30",
        "2026-13-01",
        "########",
        "i går",
        "2026-0526",
    ],
)
def test_a_date_that_is_not_certain_goes_as_it_stands(cell: str) -> None:
    assert start(cell) == cell


def test_dates_that_read_the_same_both_ways_are_certain_and_dots_begin_with_the_day() -> None:
    assert [start("05/05/2026"), start("3.4.2026"), start("")] == ["2026-05-05", "2026-04-03", None]


def test_months_are_read_in_full_and_shortened() -> None:
    assert [start(f"3 {month} 2026") for month in ("januari", "jan", "Jan.", "SEPTEMBER", "okt")] == [
        "2026-01-03", "2026-01-03", "2026-01-03", "2026-09-03", "2026-10-03",
    ]  # fmt: skip


def test_a_number_that_begins_with_a_zero_has_not_lost_one() -> None:
    assert patient_id("01012384", date(2026, 5, 26)) == "01012384"
