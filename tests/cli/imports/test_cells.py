"""What a cell means, and what is never guessed."""

from __future__ import annotations

from datetime import date

import pytest

from cli.imports.cells import is_scientific, patient_id, start

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


@pytest.mark.parametrize("cell", ["1,99006E+11", "1.99006E+11", "2E+11", "1,99006022397e11", " 1,99E+11 ", "'9,0E+9"])
def test_a_number_that_excel_rounded_is_told_apart(cell: str) -> None:
    assert is_scientific(cell)


@pytest.mark.parametrize("cell", ["199006022397", "SE2321000131-E000000000712", "E+11", ""])
def test_other_cells_are_no_rounded_numbers(cell: str) -> None:
    assert not is_scientific(cell)


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
