"""One leader among all processes of an installation: whoever holds a session's advisory lock in the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import blake2b
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.postgres.connection import raw

# A process that sleeps sends no heartbeat, so the server ends its session and with that the lock. The heartbeat has
# time for three attempts.
IDLE_SECONDS = 8.0
_HEARTBEAT_SECONDS = 2.0
_ANSWER_SECONDS = 5.0
_RETRY_SECONDS = 0.5


def lock_key(part: str, installation: UUID) -> int:
    """The lock of one part (e.g. "relay") of one installation, as PostgreSQL's bigint."""
    digest = blake2b(part.encode() + b"\0" + installation.bytes, digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


class Leadership:
    """The lock while it is held. Being told that it is held says nothing of the moment after: what leaders do must be
    fenced by other means."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        """`connection`: the session that holds the lock."""
        self._connection = connection
        self._turn = asyncio.Lock()

    async def check(self) -> None:
        """Raises when the session, and with it the lock, is gone, or does not answer."""
        async with self._turn, asyncio.timeout(_ANSWER_SECONDS):
            await self._connection.execute("SELECT 1")

    async def beat(self) -> None:
        """Keeps the session from being taken for that of a sleeper, for ever; raises when it is gone."""
        while True:
            await asyncio.sleep(_HEARTBEAT_SECONDS)
            await self.check()


@asynccontextmanager
async def lead(engine: AsyncEngine, key: int, *, standing_by: Callable[[], None]) -> AsyncIterator[Leadership]:
    """Waits until this process is the leader, which it stays for the length of the block; `standing_by` is called
    each time that another one was found to be it.

    Asks for the lock again and again instead of waiting inside PostgreSQL, which would hold back its vacuum. The
    session is closed afterwards, never given back: no lock can outlive the block.
    """
    async with engine.connect() as connection:
        try:
            session = await raw(connection)
            await session.execute(f"SET idle_session_timeout = '{IDLE_SECONDS:.0f}s'")
            while not await session.fetchval("SELECT pg_try_advisory_lock($1)", key):
                standing_by()
                await asyncio.sleep(_RETRY_SECONDS)
            yield Leadership(session)
        finally:
            await connection.invalidate()
