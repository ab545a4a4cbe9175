"""The topics an installation needs: how they must be, how many partitions they have, and how they are made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import TopicAlreadyExistsError, for_code

from infra import timing
from infra.identity import Cluster
from infra.kafka.client import client_args, closing
from infra.kafka.metadata import describe, describe_cluster
from infra.settings import Settings
from schemas.topics import DEAD_LETTER_TOPICS, LISTNING_CLOCK, TOPICS, Topic


@dataclass(frozen=True)
class TopicSpec:
    """A topic as it should be: `name` as on the cluster, `bare` as in the contract, `configs` by Kafka's names."""

    name: str
    bare: str
    direction: str
    key: str
    partitions: int
    configs: Mapping[str, str | int]
    rights: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """A plain object, for `--json`."""
        return asdict(self)


def expected(settings: Settings) -> list[TopicSpec]:
    """Every topic of the contract, as this installation needs it, with the rights the service needs on it."""
    return [_spec(topic, settings) for topic in TOPICS]


def _spec(topic: Topic, settings: Settings) -> TopicSpec:
    # The relay reads the end of every topic it writes. With its own clock the service writes one of its inputs.
    writes = topic.direction == "out" or (topic.name == LISTNING_CLOCK and settings.own_clock)
    if topic in DEAD_LETTER_TOPICS:
        topic = replace(topic, retention_days=settings.dlq_retention_days)
    return TopicSpec(
        name=settings.topic(topic.name),
        bare=topic.name,
        direction=topic.direction,
        key=topic.key,
        partitions=1 if topic.one_partition else settings.partitions,
        configs=topic.configs,
        rights=("read", "write") if writes else ("read",),
    )


async def read_cluster(settings: Settings) -> Cluster:
    """The cluster, and the topics of the contract that are there.

    Asks as every client does, so it works where a broker has no admin calls. Raises KafkaError.
    """
    client = AIOKafkaClient(**client_args(settings), request_timeout_ms=timing.ms(timing.COMMAND_REQUEST_SECONDS))
    async with closing(client.close):
        await client.bootstrap()
        return await describe_cluster(client, {settings.topic(topic.name): topic.name for topic in TOPICS})


async def create(settings: Settings) -> list[str]:
    """Makes the topics that are missing, and tells their names; alters none that is there.

    Raises KafkaError, also when the cluster refuses one of them.
    """
    async with admin_client(settings) as admin:
        found = await describe(admin._client, [topic.name for topic in expected(settings)])
        missing = [topic for topic in expected(settings) if topic.name not in found]
        return await _make(admin, missing) if missing else []


async def _make(admin: AIOKafkaAdminClient, missing: list[TopicSpec]) -> list[str]:
    # An empty assignment, not None: else aiokafka refuses the broker's own default for replicas (-1).
    topics = [
        NewTopic(topic.name, topic.partitions, -1, {}, {name: str(value) for name, value in topic.configs.items()})
        for topic in missing
    ]
    response = await admin.create_topics(topics)
    created = []
    for name, code, *message in response.topic_errors:
        error = for_code(code)
        if error is TopicAlreadyExistsError:  # somebody else was quicker
            continue
        if code:
            raise error(f"topic {name} cannot be created: {message[0] if message and message[0] else error.__name__}")
        created.append(name)
    async with asyncio.timeout(
        timing.TOPIC_VISIBLE_SECONDS
    ):  # the controller answers before the brokers have heard of it
        while len(await describe(admin._client, created)) < len(created):
            await asyncio.sleep(timing.TOPIC_POLL_SECONDS)
    return created


@asynccontextmanager
async def admin_client(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """A client for what topics are like; `_client` is the plain client in it. Raises KafkaError."""
    admin = AIOKafkaAdminClient(**client_args(settings), request_timeout_ms=timing.ms(timing.COMMAND_REQUEST_SECONDS))
    async with closing(admin.close):
        await admin.start()
        yield admin
