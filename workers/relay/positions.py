"""Where the relay goes on: behind the last sequence that each output partition holds."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from aiokafka import TopicPartition
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.errors import OutboxDiverged
from infra.kafka.log_reader import LogReader
from infra.kafka.tail import Tail, tails
from infra.postgres import outbox
from infra.postgres.connection import checkout
from infra.postgres.outbox import OutputPartition
from infra.settings import Settings

_ANY_SIZE = 1  # bytes: one event is read however large


@dataclass(frozen=True)
class ShardPosition:
    """A shard with its partition, the sequence up to which it is published, and the record that says so."""

    shard: OutputPartition
    partition: TopicPartition
    seq: int
    tail: Tail

    @property
    def seen(self) -> int:
        """The sequence up to which readers are known to see it."""
        return self.seq if self.tail.stable else self.shard.published_seq


async def read_positions(
    engine: AsyncEngine, settings: Settings, installation: UUID, reader: LogReader, producer: int
) -> list[ShardPosition]:
    """Every shard, with the sequence up to which Kafka has it: committed, or to be committed where a transaction of the
    producer (its id) was left open.

    Raises OutboxDiverged when a topic holds more than was ever written, as after going back to an old backup of the
    database: sequences are used for a second time, and new events would be taken for published. So it does when
    processes have written on since, and their sequences have caught up: what is deleted only once it is published is
    then still there, with another content than the topic's.
    """
    async with checkout(engine) as pg:
        shards = await outbox.shards(pg)
    partitions = [TopicPartition(settings.topic(shard.topic), shard.partition) for shard in shards]
    tail = await tails(reader, installation, partitions, producer)
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
    return [
        ShardPosition(shard, tp, max(ends[shard.number].seq, shard.published_seq), ends[shard.number])
        for shard, tp in zip(shards, partitions, strict=True)
    ]
