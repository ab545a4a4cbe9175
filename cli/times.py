"""The times that an operator types: a day, a Swedish time, a time with its offset, or so long ago."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import typer

from schemas import instants

_SWEDEN = ZoneInfo("Europe/Stockholm")
_is_day = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch
_AGO = re.compile(r"-([0-9]{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_WHEN = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?"
)
_FORMS = "should be like 2026-10-25, 2026-10-25T02:15 (Swedish time), 2026-10-25T02:15+01:00 or -2h (s, m, h or d)"


class NoSuchTime(ValueError):
    """A text that is no time, or one that Sweden's clocks never show or show twice. The text says what would be one,
    and repeats nothing of the input, which may be a personnummer (O8)."""


def read_time(text: str, now: datetime) -> datetime:
    """The instant in UTC. A day is its beginning in Sweden, `-2h` two hours before `now`, and a day ago 24 hours.

    Raises NoSuchTime, also for what lies outside the years 1970 to 2999.
    """
    ago = _AGO.fullmatch(text)
    try:
        at = now - timedelta(**{_UNITS[ago[2]]: int(ago[1])}) if ago else _read_date(text)
        at = at.astimezone(UTC)
    except OverflowError:
        raise NoSuchTime("should lie in the years 1970 to 2999") from None
    if not instants.in_range(at):
        raise NoSuchTime("should lie in the years 1970 to 2999")
    return at


def understood(at: datetime) -> str:
    """What the instant is in Swedish time and in UTC, for people."""
    local, utc = at.astimezone(_SWEDEN), at.astimezone(UTC)
    return f"{local:%Y-%m-%d %H:%M:%S} {local.tzname()} (UTC {utc:%Y-%m-%d %H:%M:%S})"


def local(at: datetime) -> str:
    """The instant in Swedish time, to the minute, for tables."""
    return f"{at.astimezone(_SWEDEN):%Y-%m-%d %H:%M}"


def _read_date(text: str) -> datetime:
    match = _WHEN.fullmatch(text)
    try:
        at = datetime.fromisoformat(text) if match else None
    except ValueError:
        at = None
    if at is None:
        raise NoSuchTime(_FORMS)
    return at if at.tzinfo is not None else _swedish(at)


def _swedish(naive: datetime) -> datetime:
    """The one instant at which Sweden's clocks show that."""
    first, second = (naive.replace(tzinfo=_SWEDEN, fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return first
    if first.astimezone(UTC).astimezone(_SWEDEN).replace(tzinfo=None) != naive:
        raise NoSuchTime("no clock in Sweden shows that, for summer time begins over it; say it with its offset")
    offsets = " or ".join(f"{one:%z}"[:3] + ":" + f"{one:%z}"[3:] for one in (first, second))
    raise NoSuchTime(f"clocks in Sweden show that twice, for summer time ends over it; say which, with {offsets}")


def day_option(name: str, text: str | None) -> date | None:
    """The day that an option names; exit 2 for what is none, which is not repeated (O8)."""
    if text is None:
        return None
    try:
        if _is_day(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise typer.BadParameter(f"{name}: a day, YYYY-MM-DD")
