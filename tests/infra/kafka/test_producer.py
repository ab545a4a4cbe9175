"""What the relay writes, as it stands in Kafka."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from infra.kafka.client import closing, producer_args
from infra.kafka.log_reader import LogReader
from infra.kafka.producer import Producer
from infra.kafka.tail import tails
from infra.kafka.topics import create
from infra.outbox_event import OutboxEvent
from infra.settings import Settings
from schemas.topics import LISTNING_REPLY, TOPICS, record_bytes
from tests.harness.batches import CODECS, batches

VALUE = b'{"outcome": "accepted"}' * 20


@pytest.fixture
async def settings(kafka: Any, topic_prefix: str) -> Settings:
    made = Settings(kafka_bootstrap_servers=kafka.bootstrap, topic_prefix=topic_prefix, partitions=1)
    await create(made)
    return made


async def publish(settings: Settings, *values: bytes) -> None:
    """Sends events with these values as the relay does."""
    part = TopicPartition(settings.topic(LISTNING_REPLY), 0)
    async with Producer(settings, uuid4()) as producer:
        events = [OutboxEvent(1, number, b"k", value, [("ce_id", b"1")]) for number, value in enumerate(values, 1)]
        await producer.send({part: events})
        await producer.commit()


async def test_records_are_written_so_that_every_client_reads_them(settings: Settings) -> None:
    await publish(settings, VALUE, VALUE)
    ((codec, batch),) = await batches(settings.kafka_bootstrap_servers, settings.topic(LISTNING_REPLY))
    assert (codec, batch.count(VALUE)) == ("none", 2)


@pytest.mark.parametrize("codec", CODECS)
async def test_records_are_compressed_as_the_setting_says(settings: Settings, codec: str) -> None:
    await publish(settings.model_copy(update={"kafka_compression": codec}), VALUE, VALUE)
    written = await batches(settings.kafka_bootstrap_servers, settings.topic(LISTNING_REPLY))
    assert [name for name, _ in written] == [codec]
    consumer = AIOKafkaConsumer(
        settings.topic(LISTNING_REPLY),
        bootstrap_servers=settings.kafka_bootstrap_servers,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    async with closing(consumer.stop):
        await consumer.start()
        assert [(await consumer.getone()).value for _ in range(2)] == [VALUE, VALUE]


class Counting(Producer):
    """Notes every request that goes out by the one way that never tries again."""

    def __init__(self, settings: Settings, installation: UUID) -> None:
        super().__init__(settings, installation)
        self.requests: set[str] = set()

    async def _send_once(self, node_id: int, request: Any, **options: Any) -> Any:
        self.requests.add(type(request).__name__)
        return await super()._send_once(node_id, request, **options)


async def test_every_request_of_a_transaction_goes_the_way_that_never_tries_again(settings: Settings) -> None:
    part = TopicPartition(settings.topic(LISTNING_REPLY), 0)
    async with Counting(settings, uuid4()) as producer:
        await producer.send({part: [OutboxEvent(1, 1, b"k", VALUE, [])]})
        await producer.commit()
    assert {
        "InitProducerIdRequest",
        "AddPartitionsToTxnRequest",
        "ProduceRequest",
        "EndTxnRequest",
    } <= producer.requests


def test_a_producer_waits_for_all_replicas_in_sync() -> None:
    settings = Settings(kafka_bootstrap_servers="kafka.example:9092")
    assert (producer_args(settings)["acks"], producer_args(settings)["compression_type"]) == ("all", None)


async def test_the_largest_reply_goes_through_the_relay_and_its_tail_is_found(settings: Settings) -> None:
    (topic,) = (topic for topic in TOPICS if topic.name == LISTNING_REPLY)
    part, installation = TopicPartition(settings.topic(LISTNING_REPLY), 0), uuid4()
    value = bytes(topic.max_record_bytes - record_bytes(b"k", None, [("ce_id", b"1")]))
    async with Producer(settings, installation) as producer:
        await producer.send({part: [OutboxEvent(1, 2**63 - 1, b"k", value, [("ce_id", b"1")])]})
        await producer.commit()
    reader = await LogReader.start(settings)
    async with closing(reader.aclose):
        found = await tails(reader, installation, [part], -1)
    assert (found[part].seq, len(found[part].value or b"")) == (2**63 - 1, len(value))
