"""Where the relay goes on: behind the last sequence that each output partition holds."""

from __future__ import annotations

from uuid import UUID

from aiokafka import TopicPartition
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.errors import OutboxDiverged
from infra.kafka.tail import tails
from infra.postgres import outbox
from infra.postgres.connection import checkout
from infra.postgres.outbox import OutputPartition
from infra.settings import Settings

_ANY_SIZE = 1  # bytes: one event is read however large


async def read_positions(
    engine: AsyncEngine, settings: Settings, installation: UUID
) -> list[tuple[OutputPartition, int]]:
    """Every shard, with the sequence up to which Kafka has committed it.

    Raises OutboxDiverged when a topic holds more than was ever written, as after going back to an old backup of the
    database: sequences are used for a second time, and new events would be taken for published. So it does when
    processes have written on since, and their sequences have caught up: what is deleted only once it is published is
    then still there, with another content than the topic's.
    """
    async with checkout(engine) as pg:
        shards = await outbox.shards(pg)
    partitions = [TopicPartition(settings.topic(shard.topic), shard.partition) for shard in shards]
    tail = await tails(settings, installation, partitions)
    ends = {shard.number: tail[tp] for shard, tp in zip(shards, partitions, strict=True)}
    async with checkout(engine) as pg:
        written = await outbox.last_sequences(pg)
        before = {number: end.seq - 1 for number, end in ends.items() if end.seq}
        kept = await outbox.read(pg, before, events=1, size=_ANY_SIZE)
    for shard, tp in zip(shards, partitions, strict=True):
        end, number = ends[shard.number], shard.number
        if end.seq > written[number]:
            raise OutboxDiverged(f"{tp.topic}/{tp.partition}: sequence {end.seq} of {written[number]} written")
        if any(event.seq == end.seq and not end.tells_of(event) for event in kept.get(number, [])):
            raise OutboxDiverged(f"{tp.topic}/{tp.partition}: sequence {end.seq} was written with another content")
    return [(shard, max(ends[shard.number].seq, shard.published_seq)) for shard in shards]
