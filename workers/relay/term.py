"""A leader's term: rounds of one Kafka transaction each, and the sweeping behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from time import monotonic, perf_counter
from typing import NoReturn

import asyncpg
from aiokafka import TopicPartition
from sqlalchemy.ext.asyncio import AsyncEngine

from infra import metrics, timing
from infra.failpoints import hit
from infra.kafka.producer import Producer
from infra.postgres import outbox
from infra.postgres.connection import checkout
from infra.postgres.leadership import Leadership
from infra.postgres.outbox import OutputPartition
from infra.settings import Settings
from workers.handoff import Handoff
from workers.relay.backlog import Backlog, Events


class Term:
    """Publishes from the given positions until something fails. `progress` is called whenever it got somewhere."""

    def __init__(
        self,
        engine: AsyncEngine,
        settings: Settings,
        lock: Leadership,
        producer: Producer,
        backlog: Backlog,
        shards: Mapping[int, OutputPartition],
        progress: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._lock = lock
        self._producer = producer
        self._backlog = backlog
        self._shards = shards
        self._partitions = {
            number: TopicPartition(settings.topic(shard.topic), shard.partition) for number, shard in shards.items()
        }
        self._progress = progress
        self._cleaned = dict.fromkeys(shards, 0)
        self._clean_up = asyncio.Event()
        self._clean_up.set()  # an earlier term may have left something
        self._poll_seconds = timing.RELAY_POLL_SELDOM_SECONDS
        self._next_poll = 0.0

    async def publish(self, handoff: Handoff) -> NoReturn:
        """Round after round; waits where there is nothing to publish."""
        async with checkout(self._engine) as pg:
            reader = pg
            while True:
                handoff.ready.clear()
                self._backlog.aim(handoff.committed())
                if monotonic() >= self._next_poll:
                    await self._poll(reader)
                    self._backlog.aim(handoff.committed())
                events = await self._backlog.collect(reader)
                if self._backlog.read_table:
                    self._poll_soon()
                if events:
                    hit("relay:4-collected")
                    await self._round(events)
                else:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(self._next_poll - monotonic()):
                            await handoff.ready.wait()
                self._progress()

    async def clean(self) -> NoReturn:
        """Step 7. Not after every round; shards that a batch holds are left for the next time."""
        while True:
            await self._clean_up.wait()
            self._clean_up.clear()
            done = {
                shard: (self._cleaned[shard], upto)
                for shard, upto in self._backlog.positions.items()
                if upto > self._cleaned[shard]
            }
            if done:
                async with checkout(self._engine) as pg:
                    for shard in await outbox.clean(pg, done):
                        self._cleaned[shard] = done.pop(shard)[1]
                hit("relay:7-cleaned")
            if done:
                self._clean_up.set()
            await asyncio.sleep(timing.RELAY_SWEEP_SECONDS)

    async def _round(self, events: Events) -> None:
        begun = perf_counter()
        async with asyncio.timeout(timing.RELAY_TRANSACTION_SECONDS):
            await self._producer.send({self._partitions[shard]: rows for shard, rows in events.items()})
            await self._lock.check()
            hit("relay:5-sent")
            await self._producer.commit()
        hit("relay:6-committed")
        self._backlog.published(events)
        self._clean_up.set()
        for shard, rows in events.items():
            metrics.relay_published.labels(self._shards[shard].topic).inc(len(rows))
        metrics.relay_round_seconds.observe(perf_counter() - begun)

    async def _poll(self, reader: asyncpg.Connection) -> None:
        committed = await outbox.last_sequences(reader)
        if self._backlog.aim(committed):
            await asyncio.sleep(timing.RELAY_HANDOFF_SECONDS)
        metrics.outbox.set(self._backlog.waiting(committed))
        self._next_poll = monotonic() + self._poll_seconds
        self._poll_seconds = min(2 * self._poll_seconds, timing.RELAY_POLL_SELDOM_SECONDS)

    def _poll_soon(self) -> None:
        self._poll_seconds = timing.RELAY_POLL_OFTEN_SECONDS
        self._next_poll = min(self._next_poll, monotonic() + self._poll_seconds)
