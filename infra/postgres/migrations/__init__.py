"""The schema of the database, step by step, by Alembic."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from infra.errors import WrongEncoding, WrongSchema
from infra.postgres.connection import connect

_HERE = Path(__file__).parent


def upgrade(url: str) -> tuple[str | None, str]:
    """Brings the database up to this release's schema; returns the revision before and after. Two at once are kept
    apart by an advisory lock. Raises WrongEncoding, WrongSchema where it is of a newer release, and what `connect`
    raises.
    """
    before = asyncio.run(_revision_at(url))
    _known(before)
    config = _config()
    config.attributes["url"] = url
    command.upgrade(config, "head")
    return before, head()


def head() -> str:
    """The revision this release needs."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


async def check(connection: asyncpg.Connection, needed: str | None = None) -> None:
    """Raises WrongSchema unless the database has exactly this release's schema (`needed`: another release's), and
    WrongEncoding."""
    needed = needed or head()
    await _check_encoding(connection)
    revision = await _revision(connection)
    if revision is None:
        raise WrongSchema("the database has no tables yet: run `fastlakare migrate` first")
    if revision != needed:
        _known(revision)
        raise WrongSchema(
            f"the database is at schema {revision}, this release needs {needed}: run `fastlakare migrate`"
        )


def _known(revision: str | None) -> None:
    steps = {step.revision for step in ScriptDirectory.from_config(_config()).walk_revisions()}
    if revision is not None and revision not in steps:
        raise WrongSchema(
            f"the database is at schema {revision}, of a newer release than this one ({head()}): run the newer one"
        )


async def _revision(connection: asyncpg.Connection) -> str | None:
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return None
    revision: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return revision


async def _check_encoding(connection: asyncpg.Connection) -> None:
    encoding = await connection.fetchval("SHOW server_encoding")
    if encoding != "UTF8":
        raise WrongEncoding(
            f"the database's encoding is {encoding}, which cannot hold every name: make one with ENCODING 'UTF8'"
        )


async def _revision_at(url: str) -> str | None:
    connection = await connect(url, application_name="fastlakare migrate")
    try:
        await _check_encoding(connection)
        return await _revision(connection)
    finally:
        await connection.close()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    return config
