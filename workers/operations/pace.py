"""How fast a run may go: so many records a second, or as fast as leaves the live inputs their turn (O3)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from time import monotonic
from typing import Protocol

from infra import timing
from infra.kafka.log_reader import LogReader
from infra.postgres.connection import checkout
from infra.postgres.offsets import read_all
from schemas.topics import TOPICS
from workers.operations.ranges import Batch
from workers.operations.session import Session

_INPUTS = tuple(topic.name for topic in TOPICS if topic.direction == "in")


class Pace(Protocol):
    """Holds batches back."""

    async def before(self, batch: Batch, waits: Callable[[str | None], None]) -> None:
        """Returns when the batch may be judged; tells `waits` what it waits for."""


class FixedRate:
    """So many records a second, on the whole."""

    def __init__(self, records_per_second: int) -> None:
        self._rate = records_per_second
        self._due = monotonic()

    async def before(self, batch: Batch, waits: Callable[[str | None], None]) -> None:
        """Batches stand apart by what the last one takes at this rate."""
        await asyncio.sleep(max(0.0, self._due - monotonic()))
        self._due = max(self._due, monotonic() - 1) + len(batch.records) / self._rate


class YieldToLive:
    """As fast as it goes while live records are handled in time: those that were in at one look are handled by the
    next, a moment later."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._ends: dict[tuple[str, int], int] = {}
        self._looked = 0.0

    async def before(self, batch: Batch, waits: Callable[[str | None], None]) -> None:
        """Waits while a live record waits longer than a moment."""
        while monotonic() - self._looked >= timing.RUN_YIELD_SECONDS:
            behind = await self._behind()
            if behind is None:
                return
            waits(f"the service to handle {behind}; --rate N goes on regardless")
            await asyncio.sleep(timing.RUN_YIELD_SECONDS)

    async def _behind(self) -> str | None:
        """What was in at the last look and is still not handled."""
        seen = self._ends
        self._ends, self._looked = await _ends(self._session.reader, self._session), monotonic()
        async with checkout(self._session.runtime.engine) as pg:
            handled = await read_all(pg)
        late = {where: end - handled.get(where, 0) for where, end in seen.items() if handled.get(where, 0) < end}
        if not late:
            return None
        (topic, partition), _ = max(late.items(), key=lambda item: item[1])
        return f"its own records of {topic}/{partition}"


async def _ends(reader: LogReader, session: Session) -> dict[tuple[str, int], int]:
    names = {session.runtime.settings.topic(topic): topic for topic in _INPUTS}
    found = await reader.ends(names)
    return {(names[tp.topic], tp.partition): ends.stable for tp, ends in found.items() if ends.stable > ends.begin}


def pace_of(session: Session, records_per_second: int | None) -> Pace:
    """None: as fast as leaves the live inputs their turn."""
    return YieldToLive(session) if records_per_second is None else FixedRate(records_per_second)


async def held_back(
    pace: Pace, batches: AsyncIterator[Batch], waits: Callable[[str | None], None]
) -> AsyncIterator[Batch]:
    """The batches, each when its time has come."""
    async for batch in batches:
        await pace.before(batch, waits)
        yield batch
