"""The schema: made once, made again without harm, and missed where it is not there."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator

import asyncpg
import pytest

from infra.embedded.postgres import Postgres
from infra.errors import SettingsError, WrongEncoding, WrongSchema
from infra.postgres.connection import connect
from infra.postgres.migrations import check, head, upgrade
from tests.conftest import database


@pytest.fixture
async def pg(migrated_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(migrated_url)
    yield connection
    await connection.close()


def test_migrating_twice_changes_nothing(database_url: str) -> None:
    assert upgrade(database_url) == (None, head())
    assert upgrade(database_url) == (head(), head())


def test_two_processes_that_migrate_at_once_do_not_disturb_each_other(database_url: str) -> None:
    words = [
        sys.executable,
        "-c",
        "import sys; from infra.postgres.migrations import upgrade; upgrade(sys.argv[1])",
        database_url,
    ]
    both = [subprocess.Popen(words) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert upgrade(database_url) == (head(), head())


async def test_the_schema_of_this_release_is_accepted(pg: asyncpg.Connection) -> None:
    await check(pg)


async def test_an_older_schema_is_named_with_what_to_do(pg: asyncpg.Connection) -> None:
    """As the next release, which has one migration more, will find this one's."""
    with pytest.raises(WrongSchema, match="at schema 0001, this release needs 0002: run `fastlakare migrate`"):
        await check(pg, needed="0002")


async def test_a_newer_schema_is_told_as_one_by_the_start_and_by_migrate(
    pg: asyncpg.Connection, migrated_url: str
) -> None:
    await pg.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(WrongSchema, match="schema 9999, of a newer release"):
        await check(pg)
    with pytest.raises(WrongSchema, match="schema 9999, of a newer release"):
        await asyncio.to_thread(upgrade, migrated_url)


def test_a_url_that_is_none_is_a_wrong_setting_and_not_quoted() -> None:
    with pytest.raises(SettingsError) as raised:
        upgrade("postgresql://u:hem/ligt@127.0.0.1/x")
    assert "hem" not in str(raised.value)
    assert "ligt" not in str(raised.value)


async def test_an_empty_database_is_told_to_be_migrated(database_url: str) -> None:
    connection = await connect(database_url)
    with pytest.raises(WrongSchema, match="no tables yet: run `fastlakare migrate` first"):
        await check(connection)
    await connection.close()


async def test_a_database_that_cannot_hold_every_name_is_refused_by_the_start_and_by_migrate(
    postgres: Postgres,
) -> None:
    """Đorđević is no name in Latin 1, and a staff fact with it would be a dead letter."""
    with database(postgres, "template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'") as url:
        connection = await connect(url)
        with pytest.raises(WrongEncoding, match="encoding is LATIN1, which cannot hold every name: make one with"):
            await check(connection)
        await connection.close()
        with pytest.raises(WrongEncoding, match="encoding is LATIN1"):
            await asyncio.to_thread(upgrade, url)


@pytest.mark.parametrize("sql", ["UPDATE audit SET what = 'x'", "DELETE FROM audit", "TRUNCATE audit"])
async def test_not_even_the_superuser_changes_the_audit_trail_by_mistake(pg: asyncpg.Connection, sql: str) -> None:
    await pg.execute(
        "INSERT INTO audit (at, what, reason, rule, source, message_id, release)"
        " VALUES (now(), 'w', 'r', 'L3', 's', 'm', '1')"
    )
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        await pg.execute(sql)
    assert await pg.fetchval("SELECT what FROM audit") == "w"
