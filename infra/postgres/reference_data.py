"""The day and the units as every batch sees them: read under a lock, units kept in the process (S9, T5).

Every batch holds the directory's lock in share mode, so neither a unit nor the day changes while it decides. A batch of
unit facts, and the beginning of a day, take it alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import asyncpg
import orjson

from handlers.world import Unit
from handlers.world.changes import Cause

_LOCK = "SELECT pg_advisory_xact_lock_shared(hashtext('fastlakare directory'))"
_LOCK_ALONE = "SELECT pg_advisory_xact_lock(hashtext('fastlakare directory'))"
_DAY = "SELECT day, working, units_revision, cause FROM day"
_UNITS = """
SELECT hsa_id, version, removed, fact_at, name, kind, care_giver, last_day, replaced_by, first_day
FROM unit WHERE revision > $1
"""
_SAVE_DAY = "UPDATE day SET day = $1, working = $2, cause = $3"

#: the cause of what a day changes before any day is known: nothing is held then, so it never shows
_NO_CAUSE = Cause("", "", datetime.fromtimestamp(0, UTC))


@dataclass(slots=True, frozen=True)
class Day:
    """The day that began last (T1), None before the first; `working`: not all that it caused has happened yet."""

    day: date | None
    working: bool
    cause: Cause


@dataclass(slots=True)
class Directory:
    """The units, kept from batch to batch; only what changed is read again."""

    units: dict[str, Unit] = field(default_factory=dict)
    revision: int = 0

    async def enter(self, connection: asyncpg.Connection, *, alone: bool) -> Day:
        """Takes the lock for the transaction, brings the units up to date and tells the day."""
        await connection.execute(_LOCK_ALONE if alone else _LOCK)
        revision, day = await _read(connection)
        if revision != self.revision:
            for row in await connection.fetch(_UNITS, self.revision):
                self.units[row[0]] = Unit(*row)
            self.revision = revision
        return day


async def read_day(connection: asyncpg.Connection) -> Day:
    """The day as it is now; it may change as soon as this returns."""
    return (await _read(connection))[1]


async def _read(connection: asyncpg.Connection) -> tuple[int, Day]:
    day, working, revision, cause = await connection.fetchrow(_DAY)
    return revision, Day(day, working, _NO_CAUSE if cause is None else cause_from(cause))


async def save_day(connection: asyncpg.Connection, day: Day) -> None:
    """Writes the day. The lock must be held alone where the date changes."""
    await connection.execute(_SAVE_DAY, day.day, day.working, cause_json(day.cause))


def cause_json(cause: Cause) -> str:
    """A cause as jsonb text."""
    fields = [cause.source, cause.id, cause.time.isoformat(), cause.correlation_id, cause.traceparent]
    return orjson.dumps([*fields, cause.tracestate, cause.actor, cause.role]).decode()


def cause_from(packed: list[Any]) -> Cause:
    """What `cause_json` was given, from the column as it is read."""
    source, id, time, *rest = packed
    return Cause(source, id, datetime.fromisoformat(time), *rest)
