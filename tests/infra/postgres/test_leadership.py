"""One leader at a time, and another as soon as its session is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.postgres.connection import connect, create_engine
from infra.postgres.leadership import acquire_leadership
from infra.settings import Settings


@pytest.fixture
async def processes(migrated_url: str) -> AsyncIterator[AsyncEngine]:
    made = create_engine(Settings(database_url=migrated_url), pool_size=4)
    yield made
    await made.dispose()


async def test_the_second_stands_by_until_the_first_is_done(processes: AsyncEngine) -> None:
    stands_by, leads = asyncio.Event(), asyncio.Event()

    async def second() -> None:
        async with acquire_leadership(processes, on_standby=stands_by.set):
            leads.set()

    async with acquire_leadership(processes, on_standby=lambda: None):
        task = asyncio.create_task(second())
        await asyncio.wait_for(stands_by.wait(), 10)
        assert not leads.is_set()
    await asyncio.wait_for(task, 10)
    assert leads.is_set()


async def test_a_leader_whose_session_is_gone_is_told_and_another_takes_over(
    processes: AsyncEngine, migrated_url: str
) -> None:
    admin = await connect(migrated_url)
    async with acquire_leadership(processes, on_standby=lambda: None) as first:
        await first.check()
        await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted")
        async with acquire_leadership(processes, on_standby=lambda: None) as second:
            with pytest.raises(Exception, match=r"connection|closed"):
                await first.check()
            await second.check()
    await admin.close()
