"""What is kept for `DLQ_RETENTION_DAYS` only: dead letters in the database, as long as in their topics, and which
records were stale, refused or skipped."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from infra import timing
from infra.logs import log
from infra.postgres import dead_letters, outcomes
from infra.postgres.connection import checkout

#: rows deleted in one transaction: nobody waits for it
_CHUNK = 1_000
#: deletes at most so many that are older; returns how many
Expire = Callable[[asyncpg.Connection, datetime, int], Awaitable[int]]


class Retention:
    """A duty of the relay's leader."""

    every = timing.RETENTION_SECONDS
    component = "retention"

    def __init__(self, dead_letter_days: int) -> None:
        self._kept = timedelta(days=dead_letter_days)

    async def begin(self, engine: AsyncEngine) -> None:
        """Nothing to do when a term begins."""

    async def __call__(self, engine: AsyncEngine) -> None:
        """Deletes all that is older."""
        letters = await _expire_all(engine, dead_letters.expire, datetime.now(UTC) - self._kept)
        if letters:
            log.info("dead letters expired", letters=letters)
        await _expire_all(engine, outcomes.expire, datetime.now(UTC) - self._kept)


async def _expire_all(engine: AsyncEngine, expire: Expire, before: datetime) -> int:
    deleted = 0
    while True:
        async with checkout(engine) as pg:
            done = await expire(pg, before, _CHUNK)
        deleted += done
        if done < _CHUNK:
            return deleted
