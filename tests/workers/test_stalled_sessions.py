"""The watch over sleepers, as it runs in every process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg
from structlog.testing import capture_logs

from infra import timing
from infra.postgres.connection import connect, create_engine
from infra.settings import Settings
from tests.harness.waiting import until
from tests.infra.postgres.sessions import between_two_statements, gone, holding
from workers.stalled_sessions import watch_stalled_sessions

_END_THE_WATCH = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'fastlakare watch'
"""


@asynccontextmanager
async def watched(
    url: str, *, every: float, after: float = timing.STALLED_SESSION_SECONDS
) -> AsyncIterator[asyncpg.Connection]:
    """A watch over the database, which must go on to the end; yields a connection to look from."""
    watching = create_engine(Settings(database_url=url), pool_size=1, application_name="fastlakare watch")
    looks = await connect(url, application_name="test")
    watch = asyncio.create_task(watch_stalled_sessions(watching, every, after))
    try:
        yield looks
        assert not watch.done()
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch
        await looks.close()
        await watching.dispose()


async def test_the_watch_ends_a_sleeper_also_after_its_own_session_was_lost(migrated_url: str) -> None:
    async with watched(migrated_url, every=0.05, after=0.5) as looks:
        await until(lambda: looks.fetchval(_END_THE_WATCH), what="the session of the watch")
        async with holding(migrated_url, between_two_statements) as pid:
            await until(lambda: gone(looks, pid), what="the sleeper ended")


async def test_where_the_database_does_not_let_it_look_it_says_so_and_goes_on(migrated_url: str) -> None:
    """The process must not end over it: it is still of use."""
    with capture_logs() as lines:
        async with watched(migrated_url, every=0.01) as administrator:
            await administrator.execute("ALTER FUNCTION pg_blocking_pids(int) RENAME TO pg_blocking_pids_no_more")

            async def said_so() -> bool:
                return [line["event"] for line in lines].count("stalled sessions check failed") > 1

            await until(said_so, what="two lines in the log")
