"""A leader's term: rounds of one Kafka transaction each, and the sweeping behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from time import monotonic, perf_counter
from typing import NoReturn

import asyncpg
from aiokafka.errors import KafkaError
from sqlalchemy.ext.asyncio import AsyncEngine

from infra import metrics, timing
from infra.errors import TransactionLeftOpen
from infra.failpoints import hit
from infra.kafka.producer import Producer
from infra.postgres import outbox
from infra.postgres.connection import checkout
from infra.postgres.leadership import Leadership
from workers.handoff import Handoff
from workers.health import Health
from workers.relay.backlog import Backlog, Events
from workers.relay.positions import ShardPosition
from workers.relay.visibility import Hidden, Visibility


class Term:
    """Publishes from the given positions until something fails. `progress` is called whenever it got somewhere."""

    def __init__(
        self,
        engine: AsyncEngine,
        lock: Leadership,
        producer: Producer,
        handoff: Handoff,
        positions: Sequence[ShardPosition],
        health: Health,
        progress: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._lock = lock
        self._producer = producer
        self._handoff = handoff
        self._health = health
        self._progress = progress
        self._backlog = Backlog(handoff, {position.shard.number: position.seq for position in positions})
        self._topics = {position.shard.number: position.shard.topic for position in positions}
        self._partitions = {position.shard.number: position.partition for position in positions}
        self._visibility = Visibility({position.shard.number: position.seen for position in positions})
        for position in positions:
            if position.seen < position.seq:
                self._visibility.published(position.shard.number, position.seq, position.tail.offset)
        self._cleaned = dict.fromkeys(self._partitions, 0)
        self._clean_up = asyncio.Event()
        self._clean_up.set()  # an earlier term may have left something
        self._poll_seconds = timing.RELAY_POLL_SELDOM_SECONDS
        self._next_poll = self._next_look = 0.0
        self._reported: set[str] = set()

    async def publish(self) -> NoReturn:
        """Round after round; waits where there is nothing to publish."""
        handoff = self._handoff
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
        """Step 7. Not after every round; shards that a batch holds are left for the next time, and events that readers
        cannot see until they do. Raises TransactionLeftOpen where only a new term can show them."""
        while True:
            await self._clean_up.wait()
            self._clean_up.clear()
            await self._look()
            done = {
                shard: (self._cleaned[shard], upto)
                for shard, upto in self._visibility.seen.items()
                if upto > self._cleaned[shard]
            }
            if done:
                async with checkout(self._engine) as pg:
                    for shard in await outbox.clean(pg, done):
                        self._cleaned[shard] = done.pop(shard)[1]
                hit("relay:7-cleaned")
            if done or self._visibility.hidden:
                self._clean_up.set()
            await asyncio.sleep(timing.RELAY_SWEEP_SECONDS)

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """What readiness is told of single partitions ends with the term."""
        try:
            yield
        finally:
            self._report({})

    async def _look(self) -> None:
        """Asks how far readers see; what is hidden for long is told, and looked into."""
        partitions = {self._partitions[shard]: shard for shard in self._visibility.hidden}
        if not partitions:
            return
        try:
            stable = await self._producer.reader.stable_offsets(partitions.keys())
        except KafkaError:
            return  # asked again with the next sweep; what was published is still there
        self._visibility.observe({partitions[tp]: offset for tp, offset in stable.items()})
        hidden = self._visibility.hidden_for(timing.RELAY_HIDDEN_SECONDS)
        self._report({self._component(one.shard): one for one in hidden})
        if monotonic() >= self._next_look:
            self._next_look = monotonic() + timing.RELAY_FORGOTTEN_SECONDS
            await self._look_into(self._visibility.hidden_for(timing.RELAY_FORGOTTEN_SECONDS))

    async def _look_into(self, hidden: Iterable[Hidden]) -> None:
        with suppress(KafkaError):
            for one in hidden:
                tp = self._partitions[one.shard]
                if await self._producer.left_open(tp, one.offset):
                    raise TransactionLeftOpen(f"{tp.topic}/{tp.partition}: a broker forgot to end it")

    def _component(self, shard: int) -> str:
        tp = self._partitions[shard]
        return f"{tp.topic}/{tp.partition}/transaction"

    def _report(self, hidden: dict[str, Hidden]) -> None:
        for component in self._reported - hidden.keys():
            self._health.forget(component)
        for component, one in hidden.items():
            why = f"published, but hidden from readers behind an open transaction for {one.seconds:.0f} s"
            self._health.report(component, why)
        self._reported = set(hidden)

    async def _round(self, events: Events) -> None:
        begun = perf_counter()
        async with asyncio.timeout(timing.RELAY_TRANSACTION_SECONDS):
            offsets = await self._producer.send({self._partitions[shard]: rows for shard, rows in events.items()})
            await self._lock.check()
            hit("relay:5-sent")
            await self._producer.commit()
        hit("relay:6-committed")
        self._backlog.published(events)
        for shard, rows in events.items():
            self._visibility.published(shard, rows[-1].seq, offsets[self._partitions[shard]])
            metrics.relay_published.labels(self._topics[shard]).inc(len(rows))
        self._clean_up.set()
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
