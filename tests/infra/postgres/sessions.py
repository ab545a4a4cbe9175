"""Sessions that hold a lock others wait for, asleep or at work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeAlias

import asyncpg

from infra.postgres.connection import connect
from infra.postgres.offsets import take_ownership
from tests.harness.waiting import until

TOPIC = "kiv.staff.v1"
Session: TypeAlias = asyncpg.Connection
Does: TypeAlias = Callable[[Session], Awaitable[object]]


@asynccontextmanager
async def holding(url: str, then: Does, name: str = "fastlakare") -> AsyncIterator[int]:
    """A session that holds a partition's row and then does that; yields its pid once another waits for the row."""
    blocker, waits = await connect(url, application_name=name), await connect(url)
    await take_ownership(waits, TOPIC, {0: 0})
    await blocker.execute("BEGIN")
    await blocker.execute("UPDATE consumer_offset SET epoch = epoch + 1")
    pid = blocker.get_server_pid()
    tasks = [
        asyncio.create_task(_quietly(then(blocker))),
        asyncio.create_task(_quietly(take_ownership(waits, TOPIC, {0: 0}))),
    ]
    try:
        await until(lambda: _waiting(url), what="a session that waits for the lock")
        yield pid
    finally:
        blocker.terminate()
        waits.terminate()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _quietly(work: Awaitable[object]) -> None:
    with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        await work


_WAITING = """
SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database())
"""


async def _waiting(url: str) -> bool:
    connection = await connect(url)
    try:
        return bool(await connection.fetchval(_WAITING))
    finally:
        await connection.close()


async def in_the_middle_of_a_copy(session: Session) -> None:
    """The server waits for rows that never come."""

    async def rows() -> AsyncIterator[tuple[int]]:
        yield (1,)
        await asyncio.Event().wait()

    await session.execute("CREATE TEMPORARY TABLE copied (number int)")
    await session.copy_records_to_table("copied", records=rows())


async def in_the_middle_of_a_statement(session: Session) -> None:
    """The server has read what is to be done, but not with which values: this is how asyncpg prepares."""
    await session.prepare("SELECT $1::int")


async def between_two_statements(session: Session) -> None:
    """Idle in transaction."""


async def at_work(session: Session) -> None:
    """Not asleep: the server has something to do."""
    await session.execute("SELECT pg_sleep(60)")


async def gone(looks: Session, pid: int) -> bool:
    """Whether that session has ended."""
    return not await looks.fetchval("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)", pid)
