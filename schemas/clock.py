"""The turn of a day: what "today" means in every decision (T1)."""

from __future__ import annotations

from schemas.fields import Wire
from schemas.ids import Day


class DayBegan(Wire):
    """The last day that began."""

    day: Day
