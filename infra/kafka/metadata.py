"""What the cluster says of topics and of our rights on them, without making a topic by asking."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import TopicAuthorizationFailedError, UnknownTopicOrPartitionError, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String

_RIGHTS_UNKNOWN = -(2**31)


class Right(IntEnum):
    """Kafka's numbers for the operations an ACL grants."""

    READ = 3
    WRITE = 4
    DESCRIBE = 8
    DESCRIBE_CONFIGS = 10


@dataclass(frozen=True)
class Found:
    """A topic as the cluster knows it. `rights` is None where the broker does not tell; `replicas` are those of the
    partition that has the fewest."""

    partitions: int
    rights: frozenset[Right] | None = None
    replicas: int = 0


async def describe(client: AIOKafkaClient, names: Iterable[str]) -> dict[str, Found]:
    """The topics of `names` that are there. One that may not be seen has no partitions and no rights.

    Raises KafkaError when the cluster gives another answer than there or not.
    """
    node = client.get_random_node()
    response = await client.send(node, _DescribeTopics(sorted(names)))
    found: dict[str, Found] = {}
    for code, name, _internal, partitions, operations in response.topics:
        error = for_code(code)
        if error is UnknownTopicOrPartitionError:
            continue
        if error is TopicAuthorizationFailedError:
            found[name] = Found(0, frozenset())
        elif code:
            raise error(f"topic {name} cannot be described")
        else:
            replicas = min((len(replicas) for *_, replicas, _in_sync, _offline in partitions), default=0)
            found[name] = Found(len(partitions), _rights(operations), replicas)
    return found


def _rights(operations: int) -> frozenset[Right] | None:
    if operations == _RIGHTS_UNKNOWN:
        return None
    return frozenset(right for right in Right if operations >> right & 1)


class _TopicsDescribed(Response):  # type: ignore[misc]  # aiokafka ships no types
    API_KEY = 3
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", Array(("node_id", Int32), ("host", String("utf-8")), ("port", Int32), ("rack", String("utf-8")))),
        ("cluster_id", String("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("topic", String("utf-8")),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", Array(Int32)),
                        ("isr", Array(Int32)),
                        ("offline_replicas", Array(Int32)),
                    ),
                ),
                ("authorized_operations", Int32),
            ),
        ),
        ("cluster_authorized_operations", Int32),
    )


class _DescribeTopics8(RequestStruct):  # type: ignore[misc]  # aiokafka ships no types
    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = _TopicsDescribed
    SCHEMA = Schema(
        ("topics", Array(String("utf-8"))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
    )


class _DescribeTopics(Request[_DescribeTopics8]):  # type: ignore[misc]  # aiokafka ships no types
    """Metadata version 8 (Kafka 2.3), the first that tells rights; aiokafka's own ends at 5."""

    API_KEY = 3

    def __init__(self, topics: list[str]) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[_DescribeTopics8]) -> _DescribeTopics8:
        """The request: no topic is made, the cluster's rights are not asked for, the topics' are."""
        return request_struct_class(self._topics, False, False, True)
