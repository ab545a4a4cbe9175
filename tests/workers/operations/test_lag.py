"""How far behind: records, not offsets, against the ends of real topics."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import UnknownTopicOrPartitionError

from infra import metrics
from infra.kafka.client import closing
from infra.kafka.topics import create
from infra.postgres.connection import connect, create_engine
from infra.settings import Settings
from tests.harness.waiting import until
from workers.operations.lag import Lag, LagMeter, measure_once, wait_until_zero
from workers.operations.open_transactions import OpenTransaction, problems

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
    assert lag.as_json() == {
        "day": None,
        "inputs": NOTHING,
        "outbox": 0,
        "figures": 0,
        "working": False,
        "behind_open_transaction": NOTHING,
    }
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


@asynccontextmanager
async def open_transaction(settings: Settings, topic: str, name: str = "hanging") -> AsyncIterator[AIOKafkaProducer]:
    """A sender that has written one record to partition 0 and neither commits nor aborts; the caller may."""
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap_servers, transactional_id=f"{settings.topic_prefix}{name}"
    )
    async with closing(producer.stop):
        await producer.start()
        await producer.begin_transaction()
        await producer.send_and_wait(settings.topic(topic), b"{}", key=b"k", partition=0)
        yield producer


async def send_plainly(settings: Settings, topic: str, count: int) -> None:
    """Sends records to partition 0 as a sender without transactions does, all in one batch."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers, acks="all")
    async with closing(producer.stop):
        await producer.start()
        batch = producer.create_batch()
        for _ in range(count):
            batch.append(key=b"k", value=b"{}", timestamp=None)
        await (await producer.send_batch(batch, settings.topic(topic), partition=0))


async def measured(meter: LagMeter, condition: Callable[[Lag], bool]) -> Lag:
    """The first measurement of which that is so: Kafka writes the markers of an ended transaction afterwards."""
    lag = await meter()

    async def so() -> bool:
        nonlocal lag
        lag = await meter()
        return condition(lag)

    await until(so, what="the transaction's marker")
    return lag


async def test_acknowledged_records_behind_an_open_transaction_are_not_yet_handled(
    settings: Settings, meter: LagMeter, pg: asyncpg.Connection
) -> None:
    await send_plainly(settings, "vardval.listing.v1", 2)
    async with open_transaction(settings, "vardval.listing.v1") as hanging:
        alone = await meter()
        await send_plainly(settings, "vardval.listing.v1", 1)
        behind = await meter()
        await pg.execute(
            "INSERT INTO consumer_offset (topic, partition, next_offset) VALUES ('vardval.listing.v1', 0, 2)"
        )
        handled = await meter()
        waited = await wait_until_zero(settings, 0.5, lambda _: None)
        await hanging.abort_transaction()
        after = await measured(meter, lambda lag: lag.behind_open_transaction == NOTHING)
    assert (alone.inputs["vardval.listing.v1"], alone.behind_open_transaction) == (2, NOTHING)
    assert (behind.inputs["vardval.listing.v1"], behind.behind_open_transaction["vardval.listing.v1"]) == (3, 1)
    assert handled.inputs == handled.behind_open_transaction == {**NOTHING, "vardval.listing.v1": 1}
    assert (handled.none, waited.none) == (False, False)
    assert (after.inputs, after.behind_open_transaction) == ({**NOTHING, "vardval.listing.v1": 1}, NOTHING)


async def test_of_transactions_behind_an_open_one_those_that_are_committed_count(
    settings: Settings, meter: LagMeter
) -> None:
    async with open_transaction(settings, "kiv.staff.v1") as first:
        await send(settings, "kiv.staff.v1", 4, each=2)
        await send(settings, "kiv.staff.v1", 1, commit=False)
        async with open_transaction(settings, "kiv.staff.v1", "another") as second:
            lag = await meter()
            await second.commit_transaction()
            one_left = await measured(meter, lambda lag: lag.inputs["kiv.staff.v1"] > 4)
        await first.commit_transaction()
        after = await measured(meter, lambda lag: lag.behind_open_transaction == NOTHING)
    assert lag.inputs == lag.behind_open_transaction == {**NOTHING, "kiv.staff.v1": 4}
    assert one_left.inputs == one_left.behind_open_transaction == {**NOTHING, "kiv.staff.v1": 5}
    assert (after.inputs, after.behind_open_transaction) == ({**NOTHING, "kiv.staff.v1": 6}, NOTHING)


async def test_the_rest_of_a_batch_that_was_begun_is_counted(
    settings: Settings, meter: LagMeter, pg: asyncpg.Connection
) -> None:
    await send_plainly(settings, "kiv.unit.v1", 5)
    await pg.execute("INSERT INTO consumer_offset (topic, partition, next_offset) VALUES ('kiv.unit.v1', 0, 3)")
    assert (await meter()).inputs["kiv.unit.v1"] == 2


async def test_beyond_what_may_be_read_the_distance_behind_an_open_transaction_is_told(settings: Settings) -> None:
    await send_plainly(settings, "kiv.unit.v1", 3)
    engine = create_engine(settings, pool_size=1)
    async with open_transaction(settings, "kiv.unit.v1"):
        await send_plainly(settings, "kiv.unit.v1", 4)
        meter = LagMeter(settings, engine, read_offsets=7)
        lag = await meter()
        await meter.aclose()
    await engine.dispose()
    assert (lag.inputs["kiv.unit.v1"], lag.behind_open_transaction["kiv.unit.v1"]) == (8, 5)


async def test_a_transaction_that_holds_up_records_for_long_is_a_problem_and_a_metric(settings: Settings) -> None:
    now = 0.0
    engine = create_engine(settings, pool_size=1)
    meter = LagMeter(settings, engine, clock=lambda: now)
    async with open_transaction(settings, "kiv.unit.v1") as hanging:
        await meter()
        now = 100
        nothing_waits = (await meter()).open_transactions
        await send_plainly(settings, "kiv.unit.v1", 1)
        await meter()
        now = 161
        waits = (await meter()).open_transactions
        told = [
            gauge.labels("kiv.unit.v1")._value.get()
            for gauge in (metrics.open_transaction_seconds, metrics.behind_open_transaction)
        ]
        await hanging.abort_transaction()
        await measured(meter, lambda lag: not lag.open_transactions)
    await meter.aclose()
    await engine.dispose()
    assert (nothing_waits, problems(nothing_waits)) == ([OpenTransaction("kiv.unit.v1", 0, 0, 0, 100, 0)], {})
    assert waits == [OpenTransaction("kiv.unit.v1", 0, 0, 1, 161, 61)]
    assert list(problems(waits)) == ["kiv.unit.v1/0/transaction"]
    assert told == [161, 1]
    assert metrics.open_transaction_seconds.labels("kiv.unit.v1")._value.get() == 0


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
        "behind_open_transaction": NOTHING,
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
