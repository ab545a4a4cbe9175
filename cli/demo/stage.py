"""What every act stands on: the region, those who speak, those who hear, and the service in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any

import asyncpg

from cli.demo.installation import Installation
from cli.demo.listener import Event, Listener
from cli.demo.region import Region, Unit
from cli.demo.screen import Screen, number
from cli.demo.upstream import Upstream
from infra import timing
from infra.postgres.published import count_links


@dataclass
class Stage:
    """Everything an act uses."""

    screen: Screen
    region: Region
    upstream: Upstream
    listener: Listener
    installation: Installation
    database: asyncpg.Connection

    @asynccontextmanager
    async def await_events(self, show: bool = True) -> AsyncIterator[list[Event]]:
        """What is sent inside is waited for; what 1177 hears of it is shown, and is in the list afterwards."""
        self.listener.events.clear()
        events: list[Event] = []
        began = monotonic()
        counting = asyncio.create_task(self._count())
        try:
            yield events
            await self.settled()
        finally:
            counting.cancel()
            await asyncio.wait([counting])
        events += self.listener.events
        if show:
            self.screen.show_events(events)
        await self._sum_up(len(events), monotonic() - began)

    async def settled(self) -> None:
        """Returns when all that was sent is answered, and has been heard."""
        await self.installation.quiet()
        await self.listener.up_to_date()

    async def ask(self, name: str, unit: Unit, **fields: Any) -> dict[str, Any]:
        """A command and its reply."""
        return await self.answer(await self.upstream.command(name, unit, **fields))

    async def answer(self, command_id: str) -> dict[str, Any]:
        """The reply to a command that has been sent."""
        await self.listener.until(lambda: command_id in self.listener.replies)
        return self.listener.replies[command_id]

    async def _sum_up(self, events: int, seconds: float) -> None:
        links = await count_links(self.database)
        self.screen.counts(
            {
                "sent in all": number(self.upstream.sent),
                "heard in all": number(self.listener.events_read),
                "linked": number(links),
                "day": f"{self.upstream.day}",
                "took": f"{seconds:.1f} s",
            }
        )

    async def _count(self) -> None:
        """The live counts, for as long as one waits."""
        with self.screen.waiting("…") as line:
            while True:
                line.update(
                    f"{number(self.upstream.sent)} sent   {number(len(self.listener.events))} heard by 1177 in this act"
                )
                await asyncio.sleep(timing.DEMO_COUNTS_SECONDS)
