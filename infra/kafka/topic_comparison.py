"""The topics of a cluster against those that an installation needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    IncompatibleBrokerVersion,
    KafkaError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    for_code,
)

from infra.kafka.metadata import Found, Right, describe
from infra.kafka.topics import TopicSpec, admin_client, expected
from infra.settings import Settings

#: settings that may have a larger number than asked for, or a smaller one; all others must be the same
_AT_LEAST = ("max.message.bytes", "delete.retention.ms", "min.compaction.lag.ms")
_AT_MOST = ("segment.ms", "max.compaction.lag.ms")
_REPLICAS, _IN_SYNC_REPLICAS = 3, 2

#: a topic's settings by Kafka's names; None where we may not see them
Configs = Mapping[str, str] | None


@dataclass(frozen=True)
class Drift:
    """One thing that is not as it should be. `what` is `missing`, `partitions`, `right`, `replicas`, or a topic
    setting's name."""

    name: str
    what: str
    wanted: str
    found: str | None


@dataclass(frozen=True)
class Comparison:
    """What differs from the contract, and what works but would lose records with a broker."""

    differences: list[Drift] = field(default_factory=list)
    warnings: list[Drift] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """Plain objects, for `--json`."""
        return asdict(self)


async def compare(settings: Settings) -> Comparison:
    """Topics, their partitions, settings and replicas, and all our rights. Raises KafkaError.

    What a broker does not tell (no admin calls, or no right to see a topic's settings) is not held against it, but for
    that right itself.
    """
    async with admin_client(settings) as admin:
        compared = await _compare_topics(admin, settings)
        compared.differences.extend(await _coordinator_rights(admin, settings))
        return compared


async def compare_topics(settings: Settings) -> Comparison:
    """The same without our rights to groups and transactions. Raises KafkaError."""
    async with admin_client(settings) as admin:
        return await _compare_topics(admin, settings)


async def _compare_topics(admin: AIOKafkaAdminClient, settings: Settings) -> Comparison:
    topics = expected(settings)
    found = await describe(admin._client, [topic.name for topic in topics])
    configs = await read_configs(admin, [name for name, topic in found.items() if topic.partitions])
    compared = Comparison()
    for topic in topics:
        if topic.name not in found:
            compared.differences.append(Drift(topic.name, "missing", f"{topic.partitions} partitions", None))
            continue
        compared.differences.extend(_differences(topic, found[topic.name], configs.get(topic.name, {})))
        compared.warnings.extend(_warnings(topic.name, found[topic.name], configs.get(topic.name)))
    return compared


def _differences(topic: TopicSpec, found: Found, configs: Configs) -> Iterator[Drift]:
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
    for name, value in topic.configs.items():
        if name in configs and not _fits(name, str(value), configs[name].strip()):
            yield Drift(topic.name, name, str(value), configs[name])


def _fits(name: str, wanted: str, found: str) -> bool:
    if name in _AT_LEAST:
        return int(found) >= int(wanted)
    if name in _AT_MOST:
        return int(found) <= int(wanted)
    return found == wanted


def _warnings(name: str, found: Found, configs: Configs) -> Iterator[Drift]:
    """A cluster of one broker is good enough to try things, so none of this is a difference."""
    if found.partitions and found.replicas < _REPLICAS:
        yield Drift(name, "replicas", str(_REPLICAS), str(found.replicas))
    in_sync = (configs or {}).get("min.insync.replicas")
    if in_sync is not None and int(in_sync) < _IN_SYNC_REPLICAS:
        yield Drift(name, "min.insync.replicas", str(_IN_SYNC_REPLICAS), in_sync)
    unclean = (configs or {}).get("unclean.leader.election.enable", "false")
    if unclean != "false":
        yield Drift(name, "unclean.leader.election.enable", "false", unclean)


async def read_configs(admin: AIOKafkaAdminClient, names: Iterable[str]) -> dict[str, Configs]:
    """Each topic's settings; None for one whose settings we may not see, nothing where the broker has no such call."""
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    if not resources:
        return {}
    try:
        responses = await admin.describe_configs(resources)
    except IncompatibleBrokerVersion:
        return {}
    configs: dict[str, Configs] = {}
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
