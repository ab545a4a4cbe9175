"""Dates as people and spreadsheets write them. What is not certain, as 03/04/2026 or 46168, is never guessed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from cli.imports.marks import plain, with_hyphens

_spaces = re.compile(r"\s+")
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
_looks_like_one = re.compile(
    r"([0-9]{4}([-/.])[0-9]{1,2}\2[0-9]{1,2}|[0-9]{1,2}([-/.])[0-9]{1,2}\3([0-9]{4}|[0-9]{2}))([ T].*)?"  # 26-05-20 too
    r"|[0-9]{1,2}[ -][a-zåäö]{3,9}\.?[ -][0-9]{2,4}|den [0-9]{1,2} [a-zåäö]{3,9} [0-9]{2,4}",
    re.IGNORECASE,
).fullmatch


def start(cell: str) -> str | None:
    """The date as `YYYY-MM-DD`, None for an empty cell; what is not certain comes back as it stands, for the service
    to judge."""
    text = _normal(cell)
    if not text:
        return None
    day = _certain(text)
    return plain(cell) if day is None else day.isoformat()


def dated(cells: Iterable[str]) -> list[int]:
    """The places of the cells of one column that people would take for dates, the uncertain ones too; eight digits are
    one only where the whole column reads so."""
    texts = {place: text for place, cell in enumerate(cells) if (text := _normal(cell))}
    if texts and all(map(_certain, texts.values())):
        return list(texts)
    return [place for place, text in texts.items() if _looks_like_one(text)]


def _normal(cell: str) -> str:
    return with_hyphens(_spaces.sub(" ", plain(cell)))


def _certain(text: str) -> date | None:
    return next((day for day in _readings(text) if day is not None), None)


def _readings(text: str) -> Iterable[date | None]:
    if (match := _year_first(text)) and (match[2] or len(match[3] + match[4]) == 4):
        yield _day(int(match[1]), int(match[3]), int(match[4]))
    if match := _dotted(text):
        yield _day(int(match[3]), int(match[2]), int(match[1]))
    if match := _year_last(text):
        one, other, year = int(match[1]), int(match[3]), int(match[4])
        readings = {_day(year, one, other), _day(year, other, one)} - {None}
        if len(readings) == 1:
            yield readings.pop()
    if match := _in_words(text):
        month = _MONTHS.get(match[2].casefold())
        yield None if month is None else _day(int(match[3]), month, int(match[1]))


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
