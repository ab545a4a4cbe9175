"""The guarded cluster, and a database with the two documented roles."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from infra.embedded.postgres import Postgres
from infra.postgres.migrations import upgrade
from tests.conftest import database, unavailable
from tests.harness.kafka import NoKafka
from tests.security.cluster import DEPLOY, Cluster

_PASSWORD = "of-the-test"


@dataclass(frozen=True)
class Roles:
    """One database, as its roles and as the superuser reach it."""

    owner: str
    app: str
    reader: str
    operator: str
    superuser: str


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    try:
        guarded = Cluster(tmp_path_factory.mktemp("guarded") / "cluster")
    except NoKafka as error:
        unavailable(str(error))
    with guarded.running():
        yield guarded


@pytest.fixture
def roles(postgres: Postgres) -> Iterator[Roles]:
    """Migrated as the owner; the app has what deploy/ gives it."""
    with database(postgres, "template1") as superuser:
        place = superuser.split("@", 1)[1]
        owner, app, reader, operator = (f"postgresql://fastlakare_{role}:{_PASSWORD}@{place}" for role in _ROLES)
        granted = Roles(owner, app, reader, operator, superuser)
        asyncio.run(run(superuser, (DEPLOY / "postgres-roles.sql").read_text(), *_PASSWORDS))
        upgrade(granted.owner)
        asyncio.run(run(granted.owner, Path(DEPLOY / "postgres-rights.sql").read_text()))
        yield granted


_ROLES = ("owner", "app", "reader", "operator")
_PASSWORDS = tuple(f"ALTER ROLE fastlakare_{role} PASSWORD '{_PASSWORD}'" for role in _ROLES)


async def run(url: str, *scripts: str) -> None:
    """Scripts as psql would run them."""
    connection = await asyncpg.connect(url)
    try:
        for script in scripts:
            await connection.execute(script)
    finally:
        await connection.close()
