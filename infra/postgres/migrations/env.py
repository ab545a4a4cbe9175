"""How Alembic reaches the database: asyncpg, one transaction for all steps, one process at a time."""

from __future__ import annotations

import asyncio

import asyncpg
from alembic import context
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

from infra.postgres.connection import connect
from infra.postgres.locks import LOCK_MIGRATION


def _run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=None)
    with context.begin_transaction():
        connection.execute(text(LOCK_MIGRATION))
        context.run_migrations()


async def _migrate() -> None:
    url: str = context.config.attributes["url"]

    async def connected() -> asyncpg.Connection:
        return await connect(url, application_name="fastlakare migrate")

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connected, poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_run)
    await engine.dispose()


asyncio.run(_migrate())
