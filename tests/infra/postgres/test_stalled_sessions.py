"""Whoever sleeps on a lock that others wait for loses it, wherever in a transaction it fell asleep."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from infra.postgres.connection import connect
from infra.postgres.stalled_sessions import terminate_stalled_sessions
from tests.harness.waiting import until
from tests.infra.postgres.sessions import (
    Does,
    Session,
    at_work,
    between_two_statements,
    gone,
    holding,
    in_the_middle_of_a_copy,
    in_the_middle_of_a_statement,
)


@pytest.fixture
async def pg(migrated_url: str) -> AsyncIterator[Session]:
    connection = await connect(migrated_url)
    yield connection
    await connection.close()


@pytest.mark.parametrize("asleep", [in_the_middle_of_a_copy, in_the_middle_of_a_statement, between_two_statements])
async def test_a_sleeper_that_others_wait_for_is_ended(pg: Session, migrated_url: str, asleep: Does) -> None:
    async with holding(migrated_url, asleep) as pid:
        ended: list[int] = []

        async def has_ended() -> bool:
            ended.extend([one.pid for one in await terminate_stalled_sessions(pg, after=0.1)])
            return bool(ended)

        await until(has_ended, what="the sleeper ended")
        await until(lambda: gone(pg, pid), what="its session gone")
        assert ended == [pid]


@pytest.mark.parametrize(
    ("does", "name", "after"),
    [
        pytest.param(between_two_statements, "fastlakare", 60.0, id="who-has-not-slept-for-long"),
        pytest.param(at_work, "fastlakare", 0.0, id="who-works"),
        pytest.param(between_two_statements, "psql", 0.0, id="who-is-no-process-of-ours"),
    ],
)
async def test_others_are_left_alone(pg: Session, migrated_url: str, does: Does, name: str, after: float) -> None:
    async with holding(migrated_url, does, name) as pid:
        assert await terminate_stalled_sessions(pg, after=after) == []
        assert not await gone(pg, pid)


async def test_a_sleeper_that_nobody_waits_for_is_left_alone(pg: Session, migrated_url: str) -> None:
    sleeper = await connect(migrated_url)
    try:
        await sleeper.execute("BEGIN")
        await sleeper.execute("SELECT * FROM day FOR UPDATE")
        assert await terminate_stalled_sessions(pg, after=0.0) == []
        assert not await gone(pg, sleeper.get_server_pid())
    finally:
        await sleeper.close()
