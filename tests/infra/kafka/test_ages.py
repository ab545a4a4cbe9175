"""When the oldest record was written that nobody has handled, and for how long its topic keeps it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from infra.kafka.ages import oldest_timestamp, retention_ms
from infra.kafka.client import closing
from infra.kafka.log_reader import LogReader
from infra.kafka.topics import create
from infra.settings import Settings
from schemas.topics import KIV_STAFF, LISTNING_COMMAND

DAY_MS = 86_400_000
LONG_AGO = 1_500_000_000_000


@pytest.fixture
async def settings(kafka: Any, topic_prefix: str) -> Settings:
    made = Settings(kafka_bootstrap_servers=kafka.bootstrap, topic_prefix=topic_prefix, partitions=1)
    await create(made)
    return made


@pytest.fixture
async def reader(settings: Settings) -> AsyncIterator[LogReader]:
    made = await LogReader.start(settings)
    async with closing(made.aclose):
        yield made


@asynccontextmanager
async def producer(settings: Settings, **how: Any) -> AsyncIterator[AIOKafkaProducer]:
    made = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers, **how)
    async with closing(made.stop):
        await made.start()
        yield made


async def oldest(reader: LogReader, tp: TopicPartition, start: int) -> int | None:
    return await oldest_timestamp(reader, tp, start, (await reader.ends([tp.topic]))[tp])


async def test_the_age_is_that_of_the_record_itself_in_the_middle_of_its_batch(
    settings: Settings, reader: LogReader
) -> None:
    tp = TopicPartition(settings.topic(KIV_STAFF), 0)
    async with producer(settings) as sender:
        batch = sender.create_batch()
        for timestamp in (LONG_AGO, LONG_AGO + 5, LONG_AGO + 2):
            batch.append(key=b"k", value=b"{}", timestamp=timestamp)
        await (await sender.send_batch(batch, tp.topic, partition=0))
    assert [await oldest(reader, tp, start) for start in range(4)] == [LONG_AGO, LONG_AGO + 5, LONG_AGO + 2, None]


async def test_behind_an_open_transaction_it_is_that_of_the_first_record_that_is_acknowledged(
    settings: Settings, reader: LogReader
) -> None:
    tp = TopicPartition(settings.topic(KIV_STAFF), 0)
    name = f"{settings.topic_prefix}hanging"
    async with producer(settings, transactional_id=name) as hanging, producer(settings) as sender:
        await hanging.begin_transaction()
        for timestamp in (LONG_AGO, LONG_AGO + 1):
            await hanging.send_and_wait(tp.topic, b"{}", key=b"k", partition=0, timestamp_ms=timestamp)
        alone = await oldest(reader, tp, 0)
        for timestamp in (LONG_AGO + 2, LONG_AGO + 3):
            await sender.send_and_wait(tp.topic, b"{}", key=b"k", partition=0, timestamp_ms=timestamp)
        behind = await oldest(reader, tp, 0)
        await hanging.abort_transaction()
    assert (alone, behind) == (None, LONG_AGO + 2)


async def test_a_topic_that_deletes_by_time_says_when_and_a_compacted_one_keeps_for_ever(settings: Settings) -> None:
    topics = {settings.topic(topic): topic for topic in (KIV_STAFF, LISTNING_COMMAND)}
    assert await retention_ms(settings, topics) == {KIV_STAFF: None, LISTNING_COMMAND: 30 * DAY_MS}
