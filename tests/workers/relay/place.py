"""An installation of the relay's: its topics, its database, and what stands in the reply topic."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.identity import agreed_settings
from infra.kafka import tail
from infra.kafka.client import closing
from infra.kafka.log_reader import LogReader
from infra.kafka.topics import create, read_cluster
from infra.postgres import installation, outbox
from infra.postgres.connection import connect, create_engine
from infra.postgres.outbox import Event
from infra.settings import Settings
from schemas.topics import LISTNING_REPLY
from tests.harness.waiting import until
from workers.handoff import Handoff
from workers.relay.leader import Relay
from workers.relay.positions import ShardPosition, read_positions

#: the id of no producer
NOBODY = -1


class Place:
    """An installation with its topics, its database and what stands in the reply topic."""

    def __init__(
        self, settings: Settings, engine: AsyncEngine, pg: asyncpg.Connection, shards: Mapping[tuple[str, int], int]
    ) -> None:
        self.settings, self.engine, self.pg, self.shards = settings, engine, pg, shards
        self.parts = [TopicPartition(settings.topic(LISTNING_REPLY), number) for number in range(settings.partitions)]
        self.part = self.parts[0]

    async def write(self, *values: bytes) -> None:
        """To every partition of the topic."""
        events = [Event(LISTNING_REPLY, part.partition, b"k", value, []) for value in values for part in self.parts]
        async with self.pg.transaction():
            await outbox.append(self.pg, self.shards, events)

    async def published(self, number: int) -> list[bytes]:
        """Runs a relay of its own until so much is published in all, then ends it and reads what Kafka has
        committed."""
        task = asyncio.create_task(Relay(self.engine, self.settings, Handoff()).run())

        await until_published(self, number)
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return await self.committed()

    async def committed(self) -> list[bytes]:
        """What readers see of the first partition."""
        return (await self.committed_everywhere())[self.part]

    async def committed_everywhere(self) -> dict[TopicPartition, list[bytes]]:
        """What readers see of every partition."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.settings.kafka_bootstrap_servers, isolation_level="read_committed"
        )
        await consumer.start()
        try:
            consumer.assign(self.parts)
            await consumer.seek_to_beginning(*self.parts)
            found: dict[TopicPartition, list[bytes]] = {part: [] for part in self.parts}
            for part, end in (await consumer.end_offsets(self.parts)).items():
                while await consumer.position(part) < end:
                    for tp, records in (await consumer.getmany(timeout_ms=50)).items():
                        found[tp] += [record.value for record in records]
            return found
        finally:
            await consumer.stop()

    async def strange(self, number: int, *, commit: bool) -> None:
        """Records of somebody else behind ours, each in a transaction of its own."""
        async with self.stranger() as producer:
            for _ in range(number):
                await producer.begin_transaction()
                await producer.send_and_wait(self.part.topic, b"strange", partition=0)
                await (producer.commit_transaction() if commit else producer.abort_transaction())

    @asynccontextmanager
    async def stranger(self) -> AsyncIterator[AIOKafkaProducer]:
        """Somebody else with transactions."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self.settings.kafka_bootstrap_servers, transactional_id=f"{self.settings.topic_prefix}x"
        )
        await producer.start()
        try:
            yield producer
        finally:
            await producer.stop()

    async def log_holds(self, value: bytes) -> bool:
        """Whether it stands in the topic, seen or not."""
        async with self.reader() as reader:
            ends = (await reader.ends({self.part.topic}))[self.part]
            return value in await reader.fetch(self.part, ends.stable)

    async def tail(self) -> int:
        id: UUID = await self.pg.fetchval("SELECT id FROM installation")
        async with self.reader() as reader:
            return (await tail.tails(reader, id, [self.part], NOBODY))[self.part].seq

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[LogReader]:
        reader = await LogReader.start(self.settings)
        async with closing(reader.aclose):
            yield reader

    async def positions(self) -> list[ShardPosition]:
        id: UUID = await self.pg.fetchval("SELECT id FROM installation")
        async with self.reader() as reader:
            return await read_positions(self.engine, self.settings, id, reader, NOBODY)


async def until_published(place: Place, number: int) -> None:
    async def done() -> bool:
        return int(await place.pg.fetchval("SELECT sum(published_seq) FROM outbox_shard")) >= number

    await until(done, what="the outbox to be empty")


@asynccontextmanager
async def place_on(bootstrap: str, database_url: str, prefix: str, partitions: int = 1) -> AsyncIterator[Place]:
    """A new installation."""
    settings = Settings(
        database_url=database_url, kafka_bootstrap_servers=bootstrap, topic_prefix=prefix, partitions=partitions
    )
    await create(settings)
    engine, pg = create_engine(settings, pool_size=8), await connect(database_url)
    shards = await installation.register(pg, agreed_settings(settings), await read_cluster(settings))
    yield Place(settings, engine, pg, shards)
    await pg.close()
    await engine.dispose()
