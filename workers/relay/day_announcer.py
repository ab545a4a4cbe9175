"""The system's own clock: publishes the turn of the day at midnight Europe/Stockholm, and at start-up when the day is
behind (T1). The one place that asks what day it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.events import Event
from infra.postgres.connection import raw
from schemas.envelope import binary_headers
from schemas.topics import LISTNING_CLOCK
from workers.runtime import Parts

DAY_TYPE = "se.vgregion.listning.day-began.v1"
_HERE = ZoneInfo("Europe/Stockholm")

_ANNOUNCE = """
UPDATE day SET announced = $1 WHERE (announced IS NULL OR announced < $1) AND (day IS NULL OR day < $1)
"""


class ClockDuty:
    """A duty of the relay's leader; `now` gives an instant."""

    every = 1.0

    def __init__(self, parts: Parts, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._parts = parts
        self._now = now

    async def __call__(self, engine: AsyncEngine) -> None:
        """Announces the day, once."""
        now = self._now().replace(microsecond=0)
        day = now.astimezone(_HERE).date()
        async with engine.connect() as connection:
            pg = await raw(connection)
            async with pg.transaction():
                if await pg.execute(_ANNOUNCE, day) == "UPDATE 0":
                    return
                headers = binary_headers(f"day/{day}", self._parts.settings.source, DAY_TYPE, now)
                value = orjson.dumps({"day": day.isoformat()})
                event = Event(LISTNING_CLOCK, 0, b"day", value, [*headers])
                outgoing = await self._parts.publisher.write(pg, [event])
        self._parts.handoff.give(outgoing)
