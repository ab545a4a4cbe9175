"""What is waited for, and what cannot be compared (V4)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from infra import timing
from infra.errors import NotPublished, SettingsError, WrongSchema
from infra.identity import agreed_settings
from infra.kafka.topics import create, read_cluster
from infra.postgres import installation
from infra.postgres.connection import connect
from infra.settings import Settings
from workers.operations.verify import CHECKS, verify_once


@pytest.fixture
async def settings(kafka: Any, migrated_url: str, topic_prefix: str) -> Settings:
    made = Settings(
        database_url=migrated_url, kafka_bootstrap_servers=kafka.bootstrap, topic_prefix=topic_prefix, partitions=2
    )
    await create(made)
    return made


@pytest.fixture
async def pg(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(settings.database_url.get_secret_value())
    await installation.register(connection, agreed_settings(settings), await read_cluster(settings))
    yield connection
    await connection.close()


async def test_v4_a_new_installation_is_in_order(settings: Settings, pg: asyncpg.Connection) -> None:
    document = (await verify_once(settings)).as_json()
    assert document["checks"] == {name: {"compared": 0, "differences": 0} for name in CHECKS}
    assert document["differences"] == []
    assert set(document["verified_through"]["outbox"].values()) == {0}


async def test_v4_what_the_relay_has_not_published_is_waited_for_and_then_told(
    settings: Settings, pg: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pg.execute("UPDATE outbox_shard SET last_seq = 3 WHERE topic = '1177.fast-lakarkontakt.v1' AND partition = 1")
    monkeypatch.setattr(timing, "VERIFY_RELAY_SECONDS", 0.3)
    said: list[str] = []
    with pytest.raises(NotPublished, match=r"1177\.fast-lakarkontakt\.v1/1 stands at 0 of 3, 1 partitions behind"):
        await verify_once(settings, tell=said.append)
    assert "waiting for the relay: 1177.fast-lakarkontakt.v1/1 stands at 0 of 3" in said
    assert (await verify_once(settings, ["links", "doctor", "replies"])).total == 0  # they read other topics


async def test_v4_other_settings_and_another_schema_are_not_compared(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    with pytest.raises(SettingsError, match="FASTLAKARE_ON_DOCTOR_LEFT"):
        await verify_once(settings.model_copy(update={"on_doctor_left": "keep"}))
    await pg.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(WrongSchema):
        await verify_once(settings)
