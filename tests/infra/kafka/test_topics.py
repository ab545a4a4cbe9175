"""The topics of an installation: how they must be, and how they are made."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from infra.kafka.client import closing
from infra.kafka.tail import SEQUENCE_HEADER, sequence_prefix
from infra.kafka.topics import create, expected, read_cluster
from infra.settings import Settings
from schemas.topics import TOPICS, Topic, record_bytes

INPUTS = ("kiv.staff.v1", "kiv.unit.v1", "vardval.listing.v1", "listning.command.v1", "listning.clock.v1")
DAY = 24 * 60 * 60 * 1000
COMPACTED = {"cleanup.policy": "compact", "delete.retention.ms": 30 * DAY, "segment.ms": DAY}
INPUT = COMPACTED | {"min.compaction.lag.ms": 7 * DAY, "max.message.bytes": 2**20 + 2**16}
OUTPUT = COMPACTED | {"max.compaction.lag.ms": DAY, "max.message.bytes": 2**20 + 2**16}
DEAD_LETTERS = {"cleanup.policy": "delete", "retention.ms": 14 * DAY, "max.message.bytes": 2 * 2**20}
SETTINGS = {
    "kiv.staff.v1": INPUT,
    "kiv.unit.v1": INPUT,
    "vardval.listing.v1": INPUT,
    "listning.command.v1": {"cleanup.policy": "delete", "retention.ms": 30 * DAY, "max.message.bytes": 2**20 + 2**16},
    "listning.clock.v1": {"cleanup.policy": "delete", "retention.ms": 30 * DAY, "max.message.bytes": 2**20 + 2**16},
    "listning.reply.v1": {"cleanup.policy": "delete", "retention.ms": 30 * DAY, "max.message.bytes": 8 * 2**20},
    "listning.doctor.v1": OUTPUT,
    "1177.fast-lakarkontakt.v1": OUTPUT,
    **{f"{name}.dlq": DEAD_LETTERS for name in INPUTS},
}


@pytest.fixture
def settings(kafka: Any, topic_prefix: str) -> Settings:
    return Settings(kafka_bootstrap_servers=kafka.bootstrap, topic_prefix=topic_prefix, partitions=2)


async def configs(settings: Settings) -> dict[str, dict[str, str]]:
    """What the cluster says of the settings of every topic, by bare name."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    async with closing(admin.close):
        await admin.start()
        resources = [ConfigResource(ConfigResourceType.TOPIC, settings.topic(topic.name)) for topic in TOPICS]
        responses = await admin.describe_configs(resources)
    return {
        name.removeprefix(settings.topic_prefix): {entry[0]: entry[1] for entry in entries}
        for response in responses
        for _, _, _, name, entries in response.resources
    }


def test_the_settings_asked_for_are_those_of_the_contract(settings: Settings) -> None:
    assert {one.bare: one.configs for one in expected(settings)} == SETTINGS


async def test_topics_are_made_with_the_settings_of_the_contract(settings: Settings) -> None:
    created = await create(settings)
    assert sorted(created) == sorted(one.name for one in expected(settings))
    found = await configs(settings)
    assert {bare: {name: found[bare][name] for name in wanted} for bare, wanted in SETTINGS.items()} == {
        bare: {name: str(value) for name, value in wanted.items()} for bare, wanted in SETTINGS.items()
    }
    assert await create(settings) == []
    topics = (await read_cluster(settings)).topics
    assert {bare: topic.partitions for bare, topic in topics.items()} == {
        one.bare: 1 if one.bare == "listning.clock.v1" else 2 for one in expected(settings)
    }


@pytest.fixture(scope="module")
def made(kafka: Any) -> Settings:
    """Topics that only take records."""
    return Settings(kafka_bootstrap_servers=kafka.bootstrap, topic_prefix="limits.", partitions=1)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
async def test_a_topic_takes_the_largest_record_that_it_says_and_none_above_its_limit(
    made: Settings, topic: Topic
) -> None:
    await create(made)
    producer = AIOKafkaProducer(bootstrap_servers=made.kafka_bootstrap_servers, max_request_size=64 << 20)
    async with closing(producer.stop):
        await producer.start()
        key, headers = b"k" * 200, [("ce_id", b"i" * 2048), ("dlq_detail", b"d" * 30_000), ("å" * 100, None)]
        rest = record_bytes(key, None, headers)
        value = bytes(topic.max_record_bytes - rest)
        assert record_bytes(key, value, headers) == topic.max_record_bytes
        numbered = [*headers, (SEQUENCE_HEADER, b"%b%d" % (sequence_prefix(uuid4()), 2**63 - 1))]
        await producer.send_and_wait(made.topic(topic.name), value, key, headers=numbered)
        with pytest.raises(MessageSizeTooLargeError):
            await producer.send_and_wait(made.topic(topic.name), bytes(topic.max_message_bytes), key, headers=headers)


def test_the_service_reads_its_inputs_and_writes_the_rest(settings: Settings) -> None:
    rights = {one.bare: one.rights for one in expected(settings)}
    assert {bare for bare, needed in rights.items() if needed == ("read",)} == set(INPUTS) - {"listning.clock.v1"}
    rows = {one.bare: one.rights for one in expected(settings.model_copy(update={"own_clock": False}))}
    assert rows["listning.clock.v1"] == ("read",)


async def test_a_cluster_that_is_away_is_an_error_and_not_one_without_topics() -> None:
    away = Settings(kafka_bootstrap_servers="127.0.0.1:1")
    with pytest.raises(KafkaError):
        await read_cluster(away)
