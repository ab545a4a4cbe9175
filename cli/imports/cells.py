"""What a cell means: personnummer and dates as people and Excel write them. What is not certain is never guessed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from schemas.ids import PatientKind, patient_kind

_SPACES = re.compile(r"[\s\u200b\u2060\ufeff]+")
_DASHES = str.maketrans("\u2010\u2011\u2012\u2013\u2212", "-----")  # what word processors make of a hyphen
_is_formula_text = re.compile(r'="?([^"]*)"?').fullmatch
_is_scientific = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?[eE][+-]?[0-9]+").fullmatch
_has_zero_decimals = re.compile(r"([0-9]{7,12})[.,]0+").fullmatch
_is_twelve = re.compile(r"([0-9]{8})-?([0-9]{4})").fullmatch
_is_ten = re.compile(r"([0-9]{6})([-+]?)([0-9]{4})").fullmatch
_lost_zeros = re.compile(r"[1-9][0-9]{6,8}").fullmatch

_NAMES = (
    *("januari", "februari", "mars", "april", "maj", "juni"),
    *("juli", "augusti", "september", "oktober", "november", "december"),
)
_MONTHS = {name[:length]: number for number, name in enumerate(_NAMES, start=1) for length in (3, len(name))}
# No `Z` or other offset: late in the evening there is another day here.
_TIME = r"(?:[ T](?:[01]?[0-9]|2[0-3])[:.][0-5][0-9](?:[:.][0-5][0-9](?:[.,][0-9]+)?)?)?"
_year_first = re.compile(rf"([0-9]{{4}})([-/.]?)([0-9]{{1,2}})\2([0-9]{{1,2}}){_TIME}").fullmatch
_dotted = re.compile(rf"([0-9]{{1,2}})\.([0-9]{{1,2}})\.([0-9]{{4}}){_TIME}").fullmatch
_year_last = re.compile(rf"([0-9]{{1,2}})([-/])([0-9]{{1,2}})\2([0-9]{{4}}){_TIME}").fullmatch
_in_words = re.compile(r"(?:den )?([0-9]{1,2})[ -]([a-zåäö]{3,9})\.?[ -]([0-9]{4})", re.IGNORECASE).fullmatch


def plain(cell: str) -> str:
    """The cell without what makes a spreadsheet take it for text: spaces around it, an apostrophe, `="…"`."""
    text = cell.strip().strip("\u200b\u2060\ufeff").strip()
    formula = _is_formula_text(text)
    if formula is not None:
        text = formula[1].strip()
    return text.removeprefix("'").strip()


def is_scientific(cell: str) -> bool:
    """Whether Excel has turned an id into a number and rounded it, as `1,99006E+11`: what it was is lost."""
    return _is_scientific(plain(cell)) is not None


def patient_id(cell: str, today: date) -> str:
    """The personnummer in twelve digits; what cannot be one for certain comes back as it stands, for the service to
    judge. Ten digits get the century that the law gives them on `today`."""
    text = plain(cell)
    digits = _SPACES.sub("", text).translate(_DASHES)
    decimals = _has_zero_decimals(digits)
    if decimals is not None:
        digits = decimals[1]
    twelve = _is_twelve(digits)
    if twelve is not None:
        return twelve[1] + twelve[2]
    ten = _is_ten(digits)
    if ten is not None:
        return _with_century(ten[1], ten[2], ten[3], today) or text
    if _lost_zeros(digits):
        padded = digits.zfill(10)
        found = _with_century(padded[:6], "", padded[6:], today)
        # the check digit tells lost zeros from a digit that was never typed
        if found is not None and patient_kind(found) is PatientKind.PERSONNUMMER:
            return found
    return text


def _with_century(birth: str, sign: str, tail: str, today: date) -> str | None:
    """The birth date and number with their century; None where no century has that day.

    `-` or nothing: the last such day that is not to come. `+`, from the year of turning a hundred on (18 §
    folkbokföringslagen): the last such day in a year that is a hundred years back or more.
    """
    month, day = int(birth[2:4]), int(birth[4:])
    for century in range(today.year // 100, 17, -1):
        year = century * 100 + int(birth[:2])
        born = _day(year, month, day - 60 if day > 60 else day)  # a samordningsnummer
        if born is None or born > today or (sign == "+" and year > today.year - 100):
            continue
        return f"{year:04}{birth[2:]}{tail}"
    return None


def start(cell: str) -> str | None:
    """The date as `YYYY-MM-DD`, None for an empty cell; what is not certain, as 03/04/2026, comes back as it stands,
    for the service to judge."""
    text = _SPACES.sub(" ", plain(cell)).translate(_DASHES)
    if not text:
        return None
    found = next((day for day in _readings(text) if day is not None), None)
    return plain(cell) if found is None else found.isoformat()


def _readings(text: str) -> Iterable[date | None]:
    if (match := _year_first(text)) and (match[2] or len(match[3] + match[4]) == 4):
        yield _day(int(match[1]), int(match[3]), int(match[4]))
    if match := _dotted(text):
        yield _day(int(match[3]), int(match[2]), int(match[1]))
    if match := _year_last(text):
        readings = {_day(int(match[4]), *pair) for pair in _both(int(match[1]), int(match[3]))} - {None}
        if len(readings) == 1:
            yield readings.pop()
    if match := _in_words(text):
        month = _MONTHS.get(match[2].casefold())
        yield None if month is None else _day(int(match[3]), month, int(match[1]))


def _both(one: int, other: int) -> tuple[tuple[int, int], tuple[int, int]]:
    return (one, other), (other, one)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
