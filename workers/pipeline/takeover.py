"""Takes partitions over from whoever had them: where each begins, or why it must not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from aiokafka import TopicPartition

from infra.errors import WrongTopics
from infra.identity import agreed_settings
from infra.kafka.consumer import Consumer
from infra.postgres import release_guards
from infra.postgres.connection import checkout
from infra.postgres.installation import check_identity
from infra.postgres.offsets import LastRecord, Position, read_last_records, take_ownership
from infra.version import version
from workers.pipeline.continuity import cut_back, deleted
from workers.runtime import Runtime

_PAGE = "see docs/operating.md, 'A partition has stopped'"


@dataclass(slots=True)
class Takeover:
    """`positions`: of partitions that go on, at the offsets where their reading `begins`; the first record read there
    is to be the one of `last_records`, where there is one. `stopped`: why others must not go on; `guarded`: why this
    release must not, until its guard is lifted."""

    positions: dict[int, Position] = field(default_factory=dict)
    begins: dict[int, int] = field(default_factory=dict)
    last_records: dict[int, LastRecord] = field(default_factory=dict)
    stopped: dict[int, str] = field(default_factory=dict)
    guarded: dict[int, str] = field(default_factory=dict)


async def take_over(runtime: Runtime, consumer: Consumer, topic: str, assigned: Iterable[TopicPartition]) -> Takeover:
    """Raises the epochs of the partitions of a topic (the contract's name), so that whoever had them is fenced.

    Raises KafkaError, what the database raises, SettingsError and WrongCluster.
    """
    takeover = Takeover()
    by_partition = {tp.partition: tp for tp in assigned}
    if not by_partition:
        return takeover
    try:
        await check_topic(runtime, consumer, topic)
    except WrongTopics as error:
        takeover.stopped = dict.fromkeys(by_partition, f"stopped: {error}")
        return takeover
    beginnings = await consumer.beginning_offsets(list(by_partition.values()))
    earliest = {partition: beginnings[tp] for partition, tp in by_partition.items()}
    async with checkout(runtime.engine) as pg:
        positions = await take_ownership(pg, topic, earliest)
        last = await read_last_records(pg, topic, list(by_partition))
        guarded = await release_guards.stopped(pg, topic, version(), list(by_partition))
    # Only now: until it was fenced, whoever had them may have handled records that have just come.
    ends = await consumer.end_offsets(list(by_partition.values()))
    for partition, tp in by_partition.items():
        next_offset = positions[partition].next_offset
        if partition in guarded:
            takeover.guarded[partition] = guarded[partition]
        elif next_offset < earliest[partition]:
            takeover.stopped[partition] = stopped(deleted(next_offset))
        elif next_offset > ends[tp]:
            takeover.stopped[partition] = stopped(cut_back(next_offset, ends[tp]))
        else:
            takeover.positions[partition], takeover.begins[partition] = positions[partition], next_offset
            if partition in last and last[partition].offset >= earliest[partition]:
                takeover.last_records[partition] = last[partition]
                takeover.begins[partition] = last[partition].offset
    return takeover


async def is_lifted(runtime: Runtime, topic: str, guarded: Iterable[int]) -> bool:
    """Whether an operator lifted the guard that this release stands still for on one of the partitions."""
    partitions = set(guarded)
    async with checkout(runtime.engine) as pg:
        return bool(partitions - (await release_guards.stopped(pg, topic, version(), list(partitions))).keys())


async def check_topic(runtime: Runtime, consumer: Consumer, topic: str) -> None:
    """Holds settings, cluster and the topic against what the database remembers. Raises SettingsError, WrongCluster,
    WrongTopics, KafkaError and what the database raises."""
    cluster = await consumer.cluster({runtime.settings.topic(topic): topic})
    async with checkout(runtime.engine) as pg:
        await check_identity(pg, agreed_settings(runtime.settings), cluster)


def stopped(why: str) -> str:
    """What readiness and the log say of a partition that stopped because its log does not go on where it was left."""
    return f"stopped: {why}; {_PAGE}"
