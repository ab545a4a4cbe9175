"""The day that began last (T1), what is due next, and who announced it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import orjson

from handlers.world.changes import Cause, Place
from handlers.world.imports import IMPORT_DAYS

_DAY = "SELECT day, in_progress, units_revision, cause FROM day"
_SAVE = "UPDATE day SET day = $1, in_progress = $2, cause = $3"
_ANNOUNCE = """
UPDATE day SET announced = $1 WHERE (announced IS NULL OR announced < $1) AND (day IS NULL OR day < $1)
"""
# An end on the last day there is (9999-12-31, which asyncpg writes as infinity) is never followed by another day.
_NEXT_DUE = """
SELECT least(
    (SELECT min(next_due) FROM patient WHERE next_due > $1), (SELECT min(next_due) FROM doctor WHERE next_due > $1),
    (SELECT min(next_due) FROM roster WHERE next_due > $1),
    (SELECT min(last_day) + 1 FROM unit WHERE last_day >= $1 AND last_day < '9999-12-31'),
    (SELECT min(first_day) + $2::int FROM import WHERE answered_id IS NULL))
"""
_DUE_PATIENTS = """
SELECT id, doctor FROM patient LEFT JOIN link ON patient_id = id WHERE next_due <= $1 ORDER BY id LIMIT $2
"""
_FORGET_ANNOUNCED = "UPDATE day SET announced = NULL WHERE (day IS NULL OR day < announced) AND NOT in_progress"

#: the cause of what a day changes before any day is known: nothing is stored then, so it never shows
_NO_CAUSE = Cause("", "", datetime.fromtimestamp(0, UTC))


@dataclass(slots=True, frozen=True)
class Day:
    """The day that began last (T1), None before the first; `in_progress`: not all that it caused has happened yet."""

    day: date | None
    in_progress: bool
    cause: Cause


async def read_day(pg: asyncpg.Connection) -> Day:
    """The day as it is now; it may change as soon as this returns."""
    return (await read_day_and_revision(pg))[0]


async def read_day_and_revision(pg: asyncpg.Connection) -> tuple[Day, int]:
    """The day, and the revision of the units."""
    day, in_progress, revision, cause = await pg.fetchrow(_DAY)
    return Day(day, in_progress, _NO_CAUSE if cause is None else cause_from(cause)), revision


async def save_day(pg: asyncpg.Connection, day: Day) -> None:
    """Writes the day. The reference data's lock must be held exclusively where the date changes."""
    await pg.execute(_SAVE, day.day, day.in_progress, cause_json(day.cause))


async def announce(pg: asyncpg.Connection, day: date) -> bool:
    """Remembers that the day was announced; False where that was done before, or the day has begun."""
    return bool(await pg.execute(_ANNOUNCE, day) != "UPDATE 0")


async def forget_announced(pg: asyncpg.Connection) -> None:
    """Forgets that a day was announced which has not begun: its record may be lost, and the same day again changes
    nothing (T1)."""
    await pg.execute(_FORGET_ANNOUNCED)


async def database_time(pg: asyncpg.Connection) -> datetime:
    """What time it is by the database's clock."""
    time: datetime = await pg.fetchval("SELECT clock_timestamp()")
    return time


async def next_day(pg: asyncpg.Connection, today: date, target: date) -> date:
    """The next day on which anything is due, at most the target: days on which nothing happens are passed over."""
    due: date | None = await pg.fetchval(_NEXT_DUE, today, IMPORT_DAYS.days)
    earliest = max(today + timedelta(days=1), due or target)
    return min(target, earliest)


async def due_patients(pg: asyncpg.Connection, today: date, limit: int) -> list[tuple[int, str | None]]:
    """Patients whom the day touched and who are not worked off yet (T5), with their doctor, by patient id."""
    return [(row[0], row[1]) for row in await pg.fetch(_DUE_PATIENTS, today, limit)]


def cause_json(cause: Cause) -> str:
    """A cause as JSON text."""
    source, id, time, *rest = cause
    return orjson.dumps([source, id, time.isoformat(), *rest], default=list).decode()


def cause_from(packed: list[Any]) -> Cause:
    """What `cause_json` was given, from the column as it is read."""
    *fields, place = packed
    cause = Cause(*fields)
    return cause._replace(time=datetime.fromisoformat(fields[2]), place=None if place is None else Place(*place))
