"""The system's own clock: publishes the turn of the day at midnight Europe/Stockholm, and at start-up when the day is
behind (T1). The one place that asks what day it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy.ext.asyncio import AsyncEngine

from infra import timing
from infra.postgres import outbox
from infra.postgres.connection import raw
from infra.postgres.day import announce
from infra.postgres.outbox import Event
from schemas.envelope import binary_headers
from schemas.topics import LISTNING_CLOCK
from workers.runtime import Runtime

DAY_TYPE = "se.vgregion.listning.day-began.v1"
_HERE = ZoneInfo("Europe/Stockholm")


class DayAnnouncer:
    """A duty of the relay's leader; `now` gives an instant."""

    every = timing.DAY_ANNOUNCER_SECONDS

    def __init__(self, runtime: Runtime, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._runtime = runtime
        self._now = now

    async def __call__(self, engine: AsyncEngine) -> None:
        """Announces the day, once."""
        now = self._now().replace(microsecond=0)
        day = now.astimezone(_HERE).date()
        async with engine.connect() as connection:
            pg = await raw(connection)
            async with pg.transaction():
                if not await announce(pg, day):
                    return
                headers = binary_headers(f"day/{day}", self._runtime.settings.source, DAY_TYPE, now)
                value = orjson.dumps({"day": day.isoformat()})
                event = Event(LISTNING_CLOCK, 0, b"day", value, [*headers])
                appended = await outbox.append(pg, self._runtime.shards, [event])
        self._runtime.handoff.put(appended)
