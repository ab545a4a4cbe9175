"""Which processes a consumer group has right now, and which partitions it gave to each, as its coordinator says; asking
joins no group."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError, for_code
from aiokafka.protocol.admin import DescribeGroupsRequest_v1, DescribeGroupsRequest_v2
from aiokafka.protocol.api import Request

from infra import timing
from infra.kafka.client import client_args, closing
from infra.settings import Settings

_GROUP_COORDINATOR = 0


class Member(NamedTuple):
    """A process in a group; `id` is the group's own name for it, `partitions` are empty while the group rebalances."""

    id: str
    host: str
    partitions: frozenset[TopicPartition]


async def members(settings: Settings, groups: Iterable[str]) -> dict[str, list[Member]]:
    """The members of each group; none where it has none, or was never there. One that was killed stays a member for
    `GROUP_SESSION_SECONDS`. Waits for coordinators that are being elected. Raises KafkaError, TimeoutError."""
    client = AIOKafkaClient(**client_args(settings), request_timeout_ms=timing.ms(timing.COMMAND_REQUEST_SECONDS))
    async with closing(client.close), asyncio.timeout(timing.COMMAND_CONNECT_SECONDS):
        await client.bootstrap()
        return {group: await _members(client, group) for group in groups}


async def _members(client: AIOKafkaClient, group: str) -> list[Member]:
    while True:
        try:
            node = await client.coordinator_lookup(_GROUP_COORDINATOR, group)
            ((code, _, _, _, _, found),) = (await client.send(node, _DescribeGroup(group))).groups
            if code:
                raise for_code(code)(f"group {group} cannot be seen")
            return [_member(*member) for member in found]
        except GroupAuthorizationFailedError:
            raise GroupAuthorizationFailedError(f"group {group} may not be seen (deploy/kafka-acls.txt)") from None
        except KafkaError as error:
            if not error.retriable:
                raise
            await asyncio.sleep(timing.LAG_ELECTION_SECONDS)


def _member(id: str, _client: str, host: str, _metadata: bytes, assignment: bytes) -> Member:
    given = ConsumerProtocolMemberAssignment.decode(assignment).partitions() if assignment else []
    return Member(id, host.removeprefix("/"), frozenset(given))


def holders(found: Mapping[str, list[Member]], group: str, tp: TopicPartition) -> list[Member]:
    """The members of the group that have the partition, or may get it: all of them while it is nobody's."""
    return [member for member in found[group] if tp in member.partitions] or found[group]


class _DescribeGroup(Request[DescribeGroupsRequest_v1 | DescribeGroupsRequest_v2]):  # type: ignore[misc]
    """aiokafka's own takes version 3, whose answers it reads as if they were of version 2."""

    API_KEY = 15

    def __init__(self, group: str) -> None:
        self._group = group

    def build(self, request_struct_class: type[Any]) -> Any:
        """The request, of one group."""
        return request_struct_class([self._group])
