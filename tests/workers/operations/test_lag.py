"""How far behind: records, not offsets, against the ends of real topics."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import UnknownTopicOrPartitionError

from infra import metrics
from infra.kafka.topics import create
from infra.postgres.connection import connect, create_engine
from infra.settings import Settings
from workers.operations.lag import LagMeter, measure_once, wait_until_zero

NOTHING = {
    "kiv.staff.v1": 0,
    "kiv.unit.v1": 0,
    "vardval.listing.v1": 0,
    "listning.command.v1": 0,
    "listning.clock.v1": 0,
}


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
    yield connection
    await connection.close()


@pytest.fixture
async def meter(settings: Settings) -> AsyncIterator[LagMeter]:
    engine = create_engine(settings, pool_size=1)
    made = LagMeter(settings, engine)
    yield made
    await made.aclose()
    await engine.dispose()


async def send(settings: Settings, topic: str, count: int, *, commit: bool = True, each: int = 1) -> None:
    """Sends records to partition 0 in transactions of `each` records, the way an upstream with transactions does."""
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap_servers, transactional_id=f"{settings.topic_prefix}upstream"
    )
    await producer.start()
    try:
        for _ in range(count // each):
            await producer.begin_transaction()
            for _ in range(each):
                await producer.send_and_wait(settings.topic(topic), b"{}", key=b"k", partition=0)
            await (producer.commit_transaction() if commit else producer.abort_transaction())
    finally:
        await producer.stop()


async def test_a_new_installation_is_not_behind(meter: LagMeter) -> None:
    lag = await meter()
    assert lag.as_json() == {"day": None, "inputs": NOTHING, "outbox": 0, "figures": 0, "working": False}
    assert lag.none


async def test_markers_and_aborted_records_are_no_records(
    settings: Settings, meter: LagMeter, pg: asyncpg.Connection
) -> None:
    await send(settings, "kiv.staff.v1", 3)
    await send(settings, "kiv.staff.v1", 2, commit=False)
    assert (await meter()).inputs == {**NOTHING, "kiv.staff.v1": 3}
    # The third record stands at offset 4; what follows it are markers and what was aborted.
    await pg.execute("INSERT INTO consumer_offset (topic, partition, next_offset) VALUES ('kiv.staff.v1', 0, 5)")
    assert (await meter()).none


async def test_beyond_what_may_be_read_the_distance_is_told(settings: Settings) -> None:
    await send(settings, "vardval.listing.v1", 6, each=3)
    engine = create_engine(settings, pool_size=1)
    quick, exact = LagMeter(settings, engine, read_offsets=7), LagMeter(settings, engine, read_offsets=8)
    lags = [(await meter()).inputs["vardval.listing.v1"] for meter in (quick, exact)]
    await quick.aclose()
    await exact.aclose()
    await engine.dispose()
    assert lags == [8, 6]


async def test_everything_that_waits_is_told(settings: Settings, meter: LagMeter, pg: asyncpg.Connection) -> None:
    await send(settings, "listning.command.v1", 1)
    await pg.execute("UPDATE day SET day = '2026-05-26', in_progress = true")
    await pg.execute(
        "INSERT INTO outbox_shard (shard, topic, partition, last_seq, published_seq) "
        "VALUES (1, 'listning.reply.v1', 0, 7, 3), (2, 'listning.reply.v1', 1, 2, 2)"
    )
    await pg.execute("INSERT INTO stale_statistics VALUES ('A', 'B', now()), ('A', 'B', now()), ('A', 'C', now())")
    lag = await meter()
    assert lag.as_json() == {
        "day": "2026-05-26",
        "inputs": {**NOTHING, "listning.command.v1": 1},
        "outbox": 4,
        "figures": 2,
        "working": True,
    }
    assert not lag.none


async def test_prometheus_is_told_too(settings: Settings, meter: LagMeter, pg: asyncpg.Connection) -> None:
    await send(settings, "kiv.unit.v1", 1)
    await pg.execute("UPDATE day SET day = '1970-01-11'")
    await meter()
    assert metrics.lag.labels("kiv.unit.v1")._value.get() == 1
    assert metrics.day._value.get() == 10 * 24 * 60 * 60


async def test_an_outage_in_between_is_forgotten_with_the_next_measurement(
    meter: LagMeter, pg: asyncpg.Connection
) -> None:
    await pg.execute("ALTER TABLE day RENAME TO day_elsewhere")
    with pytest.raises(Exception, match="day"):
        await meter()
    await pg.execute("ALTER TABLE day_elsewhere RENAME TO day")
    assert (await meter()).none


async def test_a_missing_topic_is_named(kafka: Any, migrated_url: str, topic_prefix: str) -> None:
    settings = Settings(database_url=migrated_url, kafka_bootstrap_servers=kafka.bootstrap, topic_prefix=topic_prefix)
    with pytest.raises(UnknownTopicOrPartitionError, match=r"kiv\.staff\.v1"):
        await measure_once(settings)


async def test_waiting_ends_as_soon_as_nothing_is_behind(settings: Settings, pg: asyncpg.Connection) -> None:
    await pg.execute("UPDATE day SET day = '2026-05-26'")
    began = time.monotonic()
    lag = await wait_until_zero(settings, 60, lambda _: None)
    assert (lag.none, lag.day) == (True, date(2026, 5, 26))
    assert time.monotonic() - began < 30


async def test_waiting_ends_when_the_time_is_up(settings: Settings) -> None:
    await send(settings, "kiv.staff.v1", 1)
    lag = await wait_until_zero(settings, 0.5, lambda _: None)
    assert lag.inputs["kiv.staff.v1"] == 1
