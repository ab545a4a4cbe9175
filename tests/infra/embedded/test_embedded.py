"""The servers out of wheels: a broker that a Kafka client takes for one, and a database that outlives a crash."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.client import AIOKafkaClient

from infra.embedded.broker import PARTITIONS, Broker
from infra.kafka.metadata import describe
from tests.harness.postgres import started_postgres

TOPIC = "tried"
PARTS = [TopicPartition(TOPIC, number) for number in range(PARTITIONS)]


@pytest.fixture
def broker() -> Iterator[Broker]:
    broker = Broker()
    broker.start()
    broker.make_topics([TOPIC])
    yield broker
    broker.stop()


async def read(
    broker: Broker, count: int, group: str | None = None
) -> list[tuple[int, bytes, bytes, tuple[object, ...]]]:
    """The first records of the topic, as partition, key, value, headers."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=broker.bootstrap,
        group_id=group,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        if group is None:
            consumer.assign(PARTS)
        else:
            consumer.subscribe([TOPIC])
        found = [await consumer.getone() for _ in range(count)]
        if group is not None:
            await consumer.commit()
        return [(record.partition, record.key, record.value, tuple(record.headers)) for record in found]
    finally:
        await consumer.stop()


async def test_what_is_sent_is_read_with_key_and_headers(broker: Broker) -> None:
    async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap, compression_type="snappy") as producer:
        await producer.send_and_wait(TOPIC, b"one", b"key", partition=2, headers=[("ce_id", b"1")])
    assert await read(broker, 1) == [(2, b"key", b"one", (("ce_id", b"1"),))]


async def test_topics_have_the_promised_partitions_and_are_not_made_by_looking(broker: Broker) -> None:
    client = AIOKafkaClient(bootstrap_servers=broker.bootstrap)
    await client.bootstrap()
    try:
        found = await describe(client, [TOPIC, "never-made"])
    finally:
        await client.close()
    assert {name: topic.partitions for name, topic in found.items()} == {TOPIC: PARTITIONS}


async def test_a_transaction_leaves_its_records_and_nothing_that_cannot_be_read(broker: Broker) -> None:
    """Later releases of librdkafka write commit markers without a checksum, on which aiokafka stops."""
    async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap, transactional_id="relay") as producer:
        for value in (b"one", b"two"):
            async with producer.transaction():
                await producer.send_and_wait(TOPIC, value, partition=0)
    assert [value for _, _, value, _ in await read(broker, 2)] == [b"one", b"two"]


async def test_a_group_of_one_reads_on_where_it_committed(broker: Broker) -> None:
    async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap) as producer:
        await producer.send_and_wait(TOPIC, b"one", partition=0)
        first = await read(broker, 1, "group")
        await producer.send_and_wait(TOPIC, b"two", partition=0)
        second = await read(broker, 1, "group")
    assert [value for _, _, value, _ in first + second] == [b"one", b"two"]


def test_a_stopped_broker_has_closed_its_port(broker: Broker) -> None:
    host, _, port = broker.bootstrap.partition(":")
    socket.create_connection((host, int(port)), 5).close()
    broker.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), 5)


async def test_the_database_keeps_what_was_committed_through_a_crash(tmp_path: Path) -> None:
    with started_postgres(tmp_path / "data") as server:
        connection = await asyncpg.connect(server.url())
        await connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
        connection.terminate()
        server.stop("immediate")
        server.start()
        connection = await asyncpg.connect(server.url())
        assert await connection.fetchval("SELECT one FROM kept") == 1
        connection.terminate()
