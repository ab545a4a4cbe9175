"""The system's own clock: publishes the turn of the day at midnight Europe/Stockholm, and at start-up when the day is
behind (T1). The one place that asks what day it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import asyncpg
import orjson
from sqlalchemy.ext.asyncio import AsyncEngine

from infra import timing
from infra.environment import variable
from infra.logs import log
from infra.postgres import outbox
from infra.postgres.connection import checkout
from infra.postgres.day import announce, database_time, forget_announced, read_day
from infra.postgres.outbox import Event
from schemas.envelope import binary_headers
from schemas.fields import instant
from schemas.topics import LISTNING_CLOCK
from workers.runtime import Runtime

DAY_TYPE = "se.vgregion.listning.day-began.v1"
_HERE = ZoneInfo("Europe/Stockholm")
#: a clock may be this far ahead of the last day without anybody's word for it: a service that was off for a week
_MOST_DAYS_AHEAD = 7


class DayAnnouncer:
    """A duty of the relay's leader. A wrong clock would end links that nobody brings back, so it is not believed alone.

    `now` gives this machine's time, `database_now` the database's."""

    every = timing.DAY_ANNOUNCER_SECONDS
    component = "clock"

    def __init__(
        self,
        runtime: Runtime,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        database_now: Callable[[asyncpg.Connection], Awaitable[datetime]] = database_time,
    ) -> None:
        self._runtime = runtime
        self._now = now
        self._database_now = database_now
        self._doubt: str | None = None

    async def begin(self, engine: AsyncEngine) -> None:
        """A term begins: what was announced and never took effect is announced again."""
        async with checkout(engine) as pg:
            await forget_announced(pg)

    async def __call__(self, engine: AsyncEngine) -> None:
        """Announces the day, once; not ready instead where the clock cannot be right."""
        now = self._now().replace(microsecond=0)
        day = now.astimezone(_HERE).date()
        async with checkout(engine) as pg, pg.transaction():
            last = (await read_day(pg)).day
            self._report(self._why_not(day, last, now, await self._database_now(pg)))
            if self._doubt is not None or not await announce(pg, day):
                return
            headers = binary_headers(f"day/{day}", self._runtime.settings.source, DAY_TYPE, now)
            value = orjson.dumps({"day": day.isoformat()})
            event = Event(LISTNING_CLOCK, 0, b"day", value, [*headers])
            appended = await outbox.append(pg, self._runtime.shards, [event])
        self._runtime.handoff.put(appended)

    def _why_not(self, day: date, last: date | None, now: datetime, database: datetime) -> str | None:
        if abs((now - database).total_seconds()) > timing.CLOCKS_DIFFER_SECONDS:
            return f"no day is announced: this machine's clock says {instant(now)}, the database's {instant(database)}"
        if last is None or (day - last).days <= _MOST_DAYS_AHEAD or self._runtime.settings.clock_may_jump:
            return None
        return (
            f"no day is announced: {day} is more than {_MOST_DAYS_AHEAD} days after the last, {last}; if that is right,"
            f" set {variable('clock_may_jump')}=true until it has begun"
        )

    def _report(self, doubt: str | None) -> None:
        self._runtime.health.report(self.component, doubt)
        if doubt is not None and self._doubt is None:
            log.error("day not announced", why=doubt)
        self._doubt = doubt
