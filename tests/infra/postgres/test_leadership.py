"""One leader at a time, and another as soon as its session is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.postgres.connection import connect, create_engine
from infra.postgres.leadership import lead, lock_key
from infra.settings import Settings

HERE, ELSEWHERE = UUID(int=1), UUID(int=2)
KEY = lock_key("relay", HERE)


@pytest.fixture
async def processes(migrated_url: str) -> AsyncIterator[AsyncEngine]:
    made = create_engine(Settings(database_url=migrated_url), pool_size=4)
    yield made
    await made.dispose()


def test_parts_and_installations_have_locks_of_their_own() -> None:
    assert len({KEY, lock_key("relay", ELSEWHERE), lock_key("clock", HERE)}) == 3


async def test_the_second_stands_by_until_the_first_is_done(processes: AsyncEngine) -> None:
    stands_by, leads = asyncio.Event(), asyncio.Event()

    async def second() -> None:
        async with lead(processes, KEY, standing_by=stands_by.set):
            leads.set()

    async with lead(processes, KEY, standing_by=lambda: None):
        task = asyncio.create_task(second())
        await asyncio.wait_for(stands_by.wait(), 10)
        assert not leads.is_set()
    await asyncio.wait_for(task, 10)
    assert leads.is_set()


async def test_locks_of_other_installations_are_no_hindrance(processes: AsyncEngine) -> None:
    stood_by: list[str] = []
    async with (
        lead(processes, KEY, standing_by=lambda: None),
        lead(processes, lock_key("relay", ELSEWHERE), standing_by=lambda: stood_by.append("it is free")) as second,
    ):
        await second.check()
    assert stood_by == []


async def test_a_leader_whose_session_is_gone_is_told_and_another_takes_over(
    processes: AsyncEngine, migrated_url: str
) -> None:
    admin = await connect(migrated_url)
    async with lead(processes, KEY, standing_by=lambda: None) as first:
        await first.check()
        await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted")
        async with lead(processes, KEY, standing_by=lambda: None) as second:
            with pytest.raises(Exception, match=r"connection|closed"):
                await first.check()
            await second.check()
    await admin.close()
