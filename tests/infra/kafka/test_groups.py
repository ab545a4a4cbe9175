"""Who has a partition, as the group's coordinator says."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from infra.kafka.client import closing
from infra.kafka.groups import Member, holders, members
from infra.kafka.topics import create
from infra.settings import Settings
from schemas.topics import LISTNING_COMMAND
from tests.harness.waiting import until


@pytest.fixture
async def settings(kafka: Any, topic_prefix: str) -> Settings:
    made = Settings(kafka_bootstrap_servers=kafka.bootstrap, topic_prefix=topic_prefix, partitions=2)
    await create(made)
    return made


async def test_a_group_that_was_never_there_has_no_members(settings: Settings) -> None:
    assert await members(settings, ["nobody", "nobody.else"]) == {"nobody": [], "nobody.else": []}


async def test_a_member_is_named_with_its_partitions_until_it_leaves(settings: Settings) -> None:
    group, topic = f"{settings.topic_prefix}group", settings.topic(LISTNING_COMMAND)
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=settings.kafka_bootstrap_servers, group_id=group, enable_auto_commit=False
    )
    async with closing(consumer.stop):
        await consumer.start()
        (member,) = (await members(settings, [group]))[group]
    assert member.id.startswith("aiokafka")
    assert member.host == "127.0.0.1"
    assert member.partitions == {TopicPartition(topic, 0), TopicPartition(topic, 1)}

    async def nobody_left() -> bool:
        return await members(settings, [group]) == {group: []}

    await until(nobody_left, what="the group to be empty")


def test_a_partition_that_no_member_has_may_get_to_any_of_them() -> None:
    one, other = (
        Member("a", "host", frozenset({TopicPartition("t", 0)})),
        Member("b", "host", frozenset({TopicPartition("t", 1)})),
    )
    waiting = Member("c", "host", frozenset())
    found = {"group": [one, other], "rebalancing": [waiting], "empty": []}
    assert holders(found, "group", TopicPartition("t", 1)) == [other]
    assert holders(found, "group", TopicPartition("t", 2)) == [one, other]
    assert holders(found, "rebalancing", TopicPartition("t", 0)) == [waiting]
    assert holders(found, "empty", TopicPartition("t", 0)) == []
