"""What the cluster says of itself and of topics, in the newest way that a broker speaks."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from aiokafka.client import AIOKafkaClient
from confluent_kafka import TopicCollection
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from infra.identity import Topic
from infra.kafka.metadata import _DescribeTopics, describe_cluster

METADATA = 3


async def test_ids_are_told_as_other_clients_tell_them(kafka: Any, topic_prefix: str) -> None:
    admin, topic = AdminClient({"bootstrap.servers": kafka.bootstrap}), f"{topic_prefix}here"
    admin.create_topics([NewTopic(topic, 3)])[topic].result(30)
    described = admin.describe_topics(TopicCollection([topic]))[topic].result(30)
    wanted = UUID(bytes=_bytes(described.topic_id))
    client = AIOKafkaClient(bootstrap_servers=kafka.bootstrap)
    await client.bootstrap()
    try:
        cluster = await describe_cluster(client, {topic: "here", f"{topic_prefix}nowhere": "nowhere"})
    finally:
        await client.close()
    assert cluster.topics == {"here": Topic(3, wanted)}
    assert cluster.id == admin.describe_cluster().result(30).cluster_id


def _bytes(id: Any) -> bytes:
    most, least = id.get_most_significant_bits(), id.get_least_significant_bits()
    return bytes((most % 2**64).to_bytes(8) + (least % 2**64).to_bytes(8))


@pytest.mark.parametrize(("speaks", "version"), [(13, 10), (10, 10), (9, 8), (8, 8)])
def test_a_broker_that_does_not_tell_ids_is_asked_for_the_rest(speaks: int, version: int) -> None:
    request = _DescribeTopics(["a", "b"]).prepare({METADATA: (0, speaks)})
    assert (version, version) == (request.API_VERSION, request.RESPONSE_TYPE.API_VERSION)
    assert request.encode().count(b"a") == 1
