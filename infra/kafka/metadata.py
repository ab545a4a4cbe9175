"""What the cluster says of itself, of topics and of our rights on them, without making a topic by asking."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from io import BytesIO
from typing import Any
from uuid import UUID

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import TopicAuthorizationFailedError, UnknownTopicOrPartitionError, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    AbstractType,
    Array,
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    String,
    TaggedFields,
)

from infra.identity import Cluster, Topic

_RIGHTS_UNKNOWN = -(2**31)
_NO_ID = UUID(int=0)


class Right(IntEnum):
    """Kafka's numbers for the operations an ACL grants."""

    READ = 3
    WRITE = 4
    DESCRIBE = 8
    DESCRIBE_CONFIGS = 10


@dataclass(frozen=True)
class Found:
    """A topic as the cluster knows it. `rights` and `id` are None where the broker does not tell; `replicas` are those
    of the partition that has the fewest; `leaders` are nodes by partition, -1 where there is none just now."""

    partitions: int
    rights: frozenset[Right] | None = None
    replicas: int = 0
    id: UUID | None = None
    leaders: Mapping[int, int] = field(default_factory=dict)


async def describe(client: AIOKafkaClient, names: Iterable[str]) -> dict[str, Found]:
    """The topics of `names` that are there. One that may not be seen has no partitions and no rights.

    Raises KafkaError when the cluster gives another answer than there or not.
    """
    return (await _describe(client, names))[1]


async def describe_cluster(client: AIOKafkaClient, topics: Mapping[str, str]) -> Cluster:
    """The cluster with those of the topics (full name to bare name) that are there and may be seen. Raises
    KafkaError."""
    id, found = await _describe(client, topics)
    return Cluster(
        id, {topics[name]: Topic(topic.partitions, topic.id) for name, topic in found.items() if topic.partitions}
    )


async def _describe(client: AIOKafkaClient, names: Iterable[str]) -> tuple[str | None, dict[str, Found]]:
    node = client.get_random_node()
    described = (await client.send(node, _DescribeTopics(sorted(names)))).to_object()
    found: dict[str, Found] = {}
    for topic in described["topics"]:
        name, error = topic["name"], for_code(topic["error_code"])
        if error is UnknownTopicOrPartitionError:
            continue
        if error is TopicAuthorizationFailedError:
            found[name] = Found(0, frozenset())
        elif topic["error_code"]:
            raise error(f"topic {name} cannot be described")
        else:
            found[name] = _found(topic)
    return described["cluster_id"], found


def _found(topic: Mapping[str, Any]) -> Found:
    partitions, id = topic["partitions"], topic.get("id", _NO_ID)
    return Found(
        len(partitions),
        _rights(topic["authorized_operations"]),
        min((len(partition["replicas"]) for partition in partitions), default=0),
        None if id == _NO_ID else id,
        {partition["partition"]: partition["leader"] for partition in partitions},
    )


def _rights(operations: int) -> frozenset[Right] | None:
    if operations == _RIGHTS_UNKNOWN:
        return None
    return frozenset(right for right in Right if operations >> right & 1)


class _Uuid(AbstractType[UUID]):  # type: ignore[misc]  # aiokafka ships no types
    @classmethod
    def encode(cls, value: UUID) -> bytes:
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> UUID:
        return UUID(bytes=data.read(16))


_OLD = String("utf-8"), Array, (), ()
#: a flexible version: compact texts and arrays, tagged fields at the end of everything, and the topics' ids
_FLEXIBLE = CompactString("utf-8"), CompactArray, (("id", _Uuid),), (("tags", TaggedFields),)


def _request(text: Any, array: Any, id: Any, tags: Any) -> Schema:
    return Schema(
        ("topics", array(*id, ("name", text), *tags) if id else array(text)),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        *tags,
    )


def _response(text: Any, array: Any, id: Any, tags: Any) -> Schema:
    return Schema(
        ("throttle_time_ms", Int32),
        ("brokers", array(("node_id", Int32), ("host", text), ("port", Int32), ("rack", text), *tags)),
        ("cluster_id", text),
        ("controller_id", Int32),
        (
            "topics",
            array(
                ("error_code", Int16),
                ("name", text),
                *id,
                ("is_internal", Boolean),
                (
                    "partitions",
                    array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", array(Int32)),
                        ("isr", array(Int32)),
                        ("offline_replicas", array(Int32)),
                        *tags,
                    ),
                ),
                ("authorized_operations", Int32),
                *tags,
            ),
        ),
        ("cluster_authorized_operations", Int32),
        *tags,
    )


class _Described8(Response):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 8
    SCHEMA = _response(*_OLD)


class _Described10(Response):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 10
    SCHEMA = _response(*_FLEXIBLE)


class _Describe8(RequestStruct):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = _Described8
    SCHEMA = _request(*_OLD)


class _Describe10(RequestStruct):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 10
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _Described10
    SCHEMA = _request(*_FLEXIBLE)


class _DescribeTopics(Request[_Describe8 | _Describe10]):  # type: ignore[misc]
    """Metadata version 10 (Kafka 2.8), the first that tells ids, else 8 (Kafka 2.3), the first that tells rights;
    aiokafka's own ends at 5."""

    API_KEY = 3

    def __init__(self, topics: list[str]) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[_Describe8 | _Describe10]) -> _Describe8 | _Describe10:
        """The request: no topic is made, the cluster's rights are not asked for, the topics' are."""
        if request_struct_class is _Describe10:
            return _Describe10([(_NO_ID, name, {}) for name in self._topics], False, False, True, {})
        return _Describe8(self._topics, False, False, True)
