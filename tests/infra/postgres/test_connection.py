"""Connections to PostgreSQL: what the server is asked for, and what is said when there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from infra.errors import DatabaseUnreachable, SettingsError
from infra.postgres.connection import connect, create_engine, raw
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


async def test_the_drivers_connection_takes_part_in_the_transaction(database_url: str) -> None:
    engine = create_engine(Settings(database_url=database_url), pool_size=1)
    async with engine.connect() as connection:
        await connection.execute(text("CREATE TABLE t (n int)"))
        await (await raw(connection)).copy_records_to_table("t", records=[(1,), (2,)])
        seen = await connection.scalar(text("SELECT sum(n) FROM t"))
        await connection.rollback()
        gone = await connection.scalar(text("SELECT to_regclass('t')"))
    await engine.dispose()
    assert (seen, gone) == (3, None)


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
