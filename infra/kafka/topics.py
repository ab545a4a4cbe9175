"""The topics an installation needs, against those the cluster has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    IncompatibleBrokerVersion,
    KafkaError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    for_code,
)

from infra import timing
from infra.kafka.client import client_args, closing
from infra.kafka.metadata import Found, Right, describe
from infra.settings import Settings
from schemas.topics import LISTNING_CLOCK, LISTNING_REPLY, TOPICS, Topic

_DAY_MS = 24 * 60 * 60 * 1000
#: a dead letter carries a record of 1 MiB and its headers, a reply every faulty row of a file (some 110 bytes each)
_DEAD_LETTER_BYTES, _REPLY_BYTES = 2 * 1024 * 1024, 8 * 1024 * 1024


@dataclass(frozen=True)
class TopicSpec:
    """A topic as it should be: `name` as on the cluster, `bare` as in the contract. None = whatever the broker does."""

    name: str
    bare: str
    direction: str
    key: str
    partitions: int
    cleanup_policy: str
    retention_ms: int | None
    max_message_bytes: int | None
    rights: tuple[str, ...]

    def configs(self) -> dict[str, str]:
        """The settings of the topic that differ from a broker's defaults."""
        configs = {"cleanup.policy": self.cleanup_policy}
        if self.retention_ms is not None:
            configs["retention.ms"] = str(self.retention_ms)
        if self.max_message_bytes is not None:
            configs["max.message.bytes"] = str(self.max_message_bytes)
        return configs


@dataclass(frozen=True)
class Drift:
    """One thing that is not as it should be. `what` is `missing`, `partitions`, `right`, or a topic setting's name."""

    name: str
    what: str
    wanted: str
    found: str | None


def expected(settings: Settings) -> list[TopicSpec]:
    """Every topic of the contract, as this installation needs it, with the rights the service needs on it."""
    return [_spec(topic, settings) for topic in TOPICS]


def _spec(topic: Topic, settings: Settings) -> TopicSpec:
    # The relay reads the end of every topic it writes. With its own clock the service writes one of its inputs.
    writes = topic.direction == "out" or (topic.name == LISTNING_CLOCK and settings.own_clock)
    largest = _DEAD_LETTER_BYTES if topic.name.endswith(".dlq") else None
    return TopicSpec(
        name=settings.topic(topic.name),
        bare=topic.name,
        direction=topic.direction,
        key=topic.key,
        partitions=1 if topic.one_partition else settings.partitions,
        cleanup_policy=topic.cleanup,
        retention_ms=None if topic.retention_days is None else topic.retention_days * _DAY_MS,
        max_message_bytes=_REPLY_BYTES if topic.name == LISTNING_REPLY else largest,
        rights=("read", "write") if writes else ("read",),
    )


async def partition_counts(settings: Settings) -> dict[str, int]:
    """How many partitions each topic of the contract has, by bare name; those that are not there are left out.

    Asks as every client does, so it works where a broker has no admin calls. Raises KafkaError.
    """
    client = AIOKafkaClient(**client_args(settings), request_timeout_ms=timing.ms(timing.COMMAND_REQUEST_SECONDS))
    async with closing(client.close):
        await client.bootstrap()
        bare = {settings.topic(topic.name): topic.name for topic in TOPICS}
        found = await describe(client, bare)
        return {bare[name]: topic.partitions for name, topic in found.items() if topic.partitions}


async def missing_or_different(settings: Settings) -> list[Drift]:
    """What is not as it should be: topics, their partitions and settings, and our rights. Raises KafkaError.

    What a broker does not tell (no admin calls, or no right to see a topic's settings) is not held against it, but for
    that right itself.
    """
    async with _admin(settings) as admin:
        return await _differences(admin, settings)


async def create(settings: Settings) -> tuple[list[str], list[Drift]]:
    """Makes the topics that are missing, and tells their names and what is still different; alters none that is there.

    Raises KafkaError, also when the cluster refuses one of them.
    """
    async with _admin(settings) as admin:
        found = await describe(admin._client, [topic.name for topic in expected(settings)])
        missing = [topic for topic in expected(settings) if topic.name not in found]
        created = await _make(admin, missing) if missing else []
        return created, await _differences(admin, settings)


async def _make(admin: AIOKafkaAdminClient, missing: list[TopicSpec]) -> list[str]:
    # An empty assignment, not None: else aiokafka refuses the broker's own default for replicas (-1).
    topics = [NewTopic(topic.name, topic.partitions, -1, {}, topic.configs()) for topic in missing]
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
async def _admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**client_args(settings), request_timeout_ms=timing.ms(timing.COMMAND_REQUEST_SECONDS))
    async with closing(admin.close):
        await admin.start()
        yield admin


async def _differences(admin: AIOKafkaAdminClient, settings: Settings) -> list[Drift]:
    topics = expected(settings)
    found = await describe(admin._client, [topic.name for topic in topics])
    configs = await _configs(admin, [name for name, topic in found.items() if topic.partitions])
    differences: list[Drift] = []
    for topic in topics:
        if topic.name not in found:
            differences.append(Drift(topic.name, "missing", f"{topic.partitions} partitions", None))
        else:
            differences += _compare(topic, found[topic.name], configs.get(topic.name, {}))
    return differences + await _coordinator_rights(admin, settings)


def _compare(topic: TopicSpec, found: Found, configs: dict[str, str] | None) -> Iterable[Drift]:
    if found.rights is not None:
        for right in topic.rights:
            if Right[right.upper()] not in found.rights:
                yield Drift(topic.name, "right", right, None)
    if not found.partitions:  # not to be seen, so nothing more is known of it
        return
    if found.partitions != topic.partitions:
        yield Drift(topic.name, "partitions", str(topic.partitions), str(found.partitions))
    if configs is None:
        yield Drift(topic.name, "right", "describe-configs", None)
        return
    for name, value in topic.configs().items():
        if name in configs and not _matches(name, value, configs[name]):
            yield Drift(topic.name, name, value, configs[name])


def _matches(name: str, value: str, found: str) -> bool:
    return int(found) >= int(value) if name == "max.message.bytes" else found.strip() == value


async def _configs(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, dict[str, str] | None]:
    """Each topic's settings; None for one whose settings we may not see, nothing where the broker has no such call."""
    if not names:
        return {}
    try:
        responses = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    except IncompatibleBrokerVersion:
        return {}
    configs: dict[str, dict[str, str] | None] = {}
    for code, message, _kind, name, entries in (entry for response in responses for entry in response.resources):
        error = for_code(code)
        if error is TopicAuthorizationFailedError:
            configs[name] = None
        elif code:
            raise error(f"the settings of topic {name} cannot be seen: {message}")
        else:
            configs[name] = {entry[0]: entry[1] for entry in entries if entry[1] is not None}
    return configs


async def _coordinator_rights(admin: AIOKafkaAdminClient, settings: Settings) -> list[Drift]:
    """Whether we may use our consumer group and the relay's transactional id, as far as asking where they are tells."""
    differences = []
    for kind, name, coordinator in (
        ("group", settings.group_id, 0),
        ("transactional id", settings.transactional_id, 1),
    ):
        try:
            await admin.find_coordinator(name, coordinator)
        except (GroupAuthorizationFailedError, TransactionalIdAuthorizationFailed):
            right = "read" if kind == "group" else "write"
            differences.append(Drift(f"{kind} {name}", "right", right, None))
        except KafkaError as error:
            if not error.retriable:  # a new cluster has no coordinator yet, and that is no difference
                raise
    return differences


def as_json(items: Iterable[TopicSpec | Drift]) -> list[dict[str, object]]:
    """Plain objects, for `--json`."""
    return [asdict(item) for item in items]
