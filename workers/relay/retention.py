"""What is kept for a time only: dead letters in the database (`DLQ_RETENTION_DAYS`, as long as in their topics)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from infra import timing
from infra.logs import log
from infra.postgres import dead_letters
from infra.postgres.connection import checkout

#: letters deleted in one transaction: nobody waits for it
_CHUNK = 1_000


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
        before, deleted = datetime.now(UTC) - self._kept, 0
        while True:
            async with checkout(engine) as pg:
                done = await dead_letters.expire(pg, before, _CHUNK)
            deleted += done
            if done < _CHUNK:
                break
        if deleted:
            log.info("dead letters expired", letters=deleted)
