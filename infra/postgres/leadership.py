"""One leader among all processes of an installation: whoever holds a session's advisory lock in the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from infra import timing
from infra.postgres.connection import checkout
from infra.postgres.locks import try_lead


class Leadership:
    """The lock while it is held. Being told that it is held says nothing of the moment after: what leaders do must be
    fenced by other means."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        """`connection`: the session that holds the lock."""
        self._connection = connection
        self._turn = asyncio.Lock()

    async def check(self) -> None:
        """Raises when the session, and with it the lock, is gone, or does not answer."""
        async with self._turn, asyncio.timeout(timing.LEADER_ANSWER_SECONDS):
            await self._connection.execute("SELECT 1")

    async def heartbeat(self) -> None:
        """Keeps the session from being taken for a stalled one, for ever; raises when it is gone."""
        while True:
            await asyncio.sleep(timing.LEADER_HEARTBEAT_SECONDS)
            await self.check()


@asynccontextmanager
async def acquire_leadership(engine: AsyncEngine, *, on_standby: Callable[[], None]) -> AsyncIterator[Leadership]:
    """Waits until this process is the leader, which it stays for the length of the block; `on_standby` is called
    each time that another one was found to be it.

    Asks for the lock again and again instead of waiting inside PostgreSQL, which would hold back its vacuum. The
    session is closed afterwards, never given back: no lock can outlive the block.
    """
    async with checkout(engine, close=True) as session:
        await session.execute(f"SET idle_session_timeout = '{timing.LEADER_IDLE_SECONDS:.0f}s'")
        while not await try_lead(session):
            on_standby()
            await asyncio.sleep(timing.LEADER_STANDBY_SECONDS)
        yield Leadership(session)
