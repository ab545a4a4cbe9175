"""Which batches are being handled right now, and of which partitions."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


class InFlight:
    """Batches at work at the same time, `limit` at most, each of other partitions: while one waits for the database
    another is decoded and decided."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._tasks: dict[asyncio.Task[None], frozenset[int]] = {}

    async def start(self, work: Coroutine[Any, Any, None], partitions: frozenset[int]) -> None:
        """Begins to handle records of the partitions; a rebalance waits for it from here on. Returns when another
        batch may begin. Raises what a batch raised that ended meanwhile."""
        self._tasks[asyncio.create_task(work)] = partitions
        while len(self._tasks) >= self._limit:
            await self.one_done()

    @property
    def tasks(self) -> frozenset[asyncio.Task[None]]:
        """The batches that are being handled, and those whose end nobody has looked at yet."""
        return frozenset(self._tasks)

    @property
    def partitions(self) -> frozenset[int]:
        """The partitions whose records are being handled."""
        return frozenset().union(*self._tasks.values())

    async def one_done(self) -> None:
        """Returns when a batch has ended, at once where there is none; raises what it raised."""
        if not self._tasks:
            return
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            self._tasks.pop(task, None)  # who waited for it as well may have been quicker
            task.result()

    async def drained(self) -> None:
        """Returns when no batch is at work any more; raises what one raised."""
        while self._tasks:
            await self.one_done()
