"""The turn of a day: what "today" means in every decision (T1)."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from schemas.fields import Wire
from schemas.ids import Day
from schemas.instants import FIRST_YEAR, LAST_YEAR

_RANGE = f"from {FIRST_YEAR}-01-01 to {LAST_YEAR}-12-31"


def _in_range(day: date) -> date:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise PydanticCustomError("day_range", f"Input should be a day {_RANGE}")
    return day


class DayBegan(Wire):
    """The last day that began."""

    day: Annotated[
        Day,
        AfterValidator(_in_range),
        Field(description=f"The day that began, in Europe/Stockholm; {_RANGE}"),
    ]
