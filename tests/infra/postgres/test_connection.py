"""Connections to PostgreSQL: what the server is asked for, and what is said when there is none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.errors import ConcurrentInsert, DatabaseUnreachable, SettingsError
from infra.postgres.connection import checkout, connect, create_engine
from infra.settings import Settings


async def test_a_sleeper_cannot_keep_its_locks(database_url: str) -> None:
    engine = create_engine(Settings(database_url=database_url), pool_size=1)
    async with engine.connect() as connection:
        rows = await connection.execute(
            text("SELECT name, setting FROM pg_settings WHERE source = 'client' AND name NOT LIKE 'tcp%'")
        )
        given = {str(name): str(value) for name, value in rows}
    await engine.dispose()
    assert given["idle_in_transaction_session_timeout"] == "30000"
    assert given["application_name"] == "fastlakare"


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(Settings(database_url=database_url), pool_size=1)
    async with checkout(engine) as pg:
        await pg.execute("CREATE TABLE t (n int)")
    yield engine
    await engine.dispose()


async def write(engine: AsyncEngine, number: int) -> None:
    """As a batch does; whoever gets no error has committed."""
    async with checkout(engine) as pg, pg.transaction():
        await pg.execute("INSERT INTO t VALUES ($1)", number)


async def test_whoever_comes_after_one_that_was_cancelled_commits(engine: AsyncEngine, database_url: str) -> None:
    """Wherever it was cancelled: asyncpg leaves a transaction open that it was about to begin or end."""
    other = await connect(database_url)
    for attempt in range(150):
        cancelled = asyncio.create_task(write(engine, 1))
        await asyncio.sleep(attempt % 50 * 0.00004)
        cancelled.cancel()
        await asyncio.wait({cancelled})
        await write(engine, 2)
        assert await other.fetchval("SELECT count(*) FROM t WHERE n = 2") == attempt + 1
        assert (
            await other.fetchval("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'") == 0
        )
    await other.close()


async def test_whoever_comes_after_a_failure_finds_no_transaction(engine: AsyncEngine) -> None:
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with checkout(engine) as pg:
            await pg.execute("BEGIN; SELECT 1 / 0")
    async with checkout(engine) as pg:
        assert not pg.is_in_transaction()


async def test_an_error_of_ours_costs_no_connection(engine: AsyncEngine) -> None:
    async with checkout(engine) as pg:
        backend = await pg.fetchval("SELECT pg_backend_pid()")
    with pytest.raises(ConcurrentInsert):
        async with checkout(engine) as pg, pg.transaction():
            raise ConcurrentInsert("a doctor")
    async with checkout(engine) as pg:
        assert await pg.fetchval("SELECT pg_backend_pid()") == backend


async def test_a_lost_connection_costs_one_error(database_url: str) -> None:
    engine = create_engine(Settings(database_url=database_url), pool_size=1)
    async with engine.connect() as connection:
        lost = await connection.scalar(text("SELECT pg_backend_pid()"))
    killer = await connect(database_url)
    await killer.execute("SELECT pg_terminate_backend($1, 5000)", lost)
    await killer.close()
    async with engine.connect() as connection:
        found = await connection.scalar(text("SELECT pg_backend_pid()"))
    await engine.dispose()
    assert found != lost


async def test_no_error_quotes_the_parameters_of_its_statement(database_url: str) -> None:
    engine = create_engine(Settings(database_url=database_url), pool_size=1)
    async with engine.connect() as connection:
        with pytest.raises(DBAPIError) as caught:
            await connection.execute(text("SELECT 1 / (length(:who) - 12)"), {"who": "199006022397"})
    await engine.dispose()
    assert "199006022397" not in str(caught.value)


async def test_a_server_that_is_away_is_told_with_the_reason() -> None:
    with pytest.raises(DatabaseUnreachable, match=r"the database cannot be reached: .+") as caught:
        await connect("postgresql://app:hemligt@127.0.0.1:1/listning")
    assert "hemligt" not in str(caught.value)


@pytest.mark.parametrize("part", ["host={}", "host=127.0.0.1&sslmode=verify-full&sslrootcert={}/ca.pem"])
async def test_a_socket_or_certificate_that_is_not_there_names_the_setting(tmp_path: Path, part: str) -> None:
    with pytest.raises(DatabaseUnreachable, match="FASTLAKARE_DATABASE_URL"):
        await connect(f"postgresql://app@/listning?{part.format(tmp_path)}")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://app:hem/ligt@127.0.0.1:1/listning",
        "postgresql://app:hemligt@127.0.0.1:1/listning?sslmode=never",
    ],
)
async def test_a_url_that_cannot_be_used_names_the_setting_and_no_password(url: str) -> None:
    with pytest.raises(SettingsError, match="FASTLAKARE_DATABASE_URL") as caught:
        await connect(url)
    assert "ligt" not in str(caught.value)
