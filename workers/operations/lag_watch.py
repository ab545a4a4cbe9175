"""The lag again and again, with what `lag --watch` shows beside it; no process of the service need run."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

from aiokafka import TopicPartition
from sqlalchemy.ext.asyncio import AsyncEngine

from infra import timing
from infra.foreign_errors import explain, is_settings_error
from infra.kafka.ages import oldest_timestamp, retention_ms
from infra.kafka.log_reader import Ends, LogReader
from infra.kafka.record_counter import Partition, RecordCounter
from infra.postgres.connection import create_engine
from infra.settings import Settings
from workers.operations.lag import INPUTS, READ_OFFSETS, Measured, by_topic, measure
from workers.operations.lag_rates import LagRates, Measurement, WaitingPartition, rates


async def watch(settings: Settings) -> AsyncIterator[LagRates | str]:
    """What each measurement says together with those before it, every `WATCH_SECONDS`, without end; or why none was
    had, once there has been one: servers that go away meanwhile are waited for.

    Raises what Kafka or the database raises at the first measurement, or TimeoutError, and SettingsError.
    """
    engine = create_engine(settings, pool_size=1, application_name="fastlakare lag")
    watcher: _Watcher | None = None
    found: deque[Measurement] = deque()
    measured = False
    try:
        while True:
            try:
                async with asyncio.timeout(timing.COMMAND_LAG_SECONDS):
                    if watcher is None:
                        watcher = _Watcher(settings, engine, await LogReader.start(settings))
                    found.append(await watcher())
                measured = True
                while found[-1].at - found[0].at > timing.WATCH_RATE_SECONDS:
                    found.popleft()
                yield rates(found)
            except Exception as error:
                reason = explain(error)
                if reason is None or is_settings_error(error) or not measured:
                    raise
                if watcher is not None:
                    await watcher.aclose()
                    watcher = None
                found.clear()  # nobody counted what came meanwhile
                yield reason
            await asyncio.sleep(timing.WATCH_SECONDS)
    finally:
        if watcher is not None:
            await watcher.aclose()
        await engine.dispose()


@dataclass
class _Watcher:
    """What one connection to Kafka has seen. `timestamps` are those of offsets that were read."""

    settings: Settings
    engine: AsyncEngine
    reader: LogReader
    clock: Callable[[], float] = time.monotonic
    before: Measured | None = None
    timestamps: dict[tuple[Partition, int], int | None] = field(default_factory=dict)
    retention: Mapping[str, int | None] = field(default_factory=dict)
    asked_at: float | None = None

    async def __call__(self) -> Measurement:
        counter = RecordCounter(self.reader)
        now = await measure(self.settings, self.engine, counter, READ_OFFSETS)
        before, self.before = self.before, now
        at, wall_ms = self.clock(), time.time_ns() // 1_000_000
        came = handled = dict.fromkeys(INPUTS, 0)
        if before is not None:
            came = await self._between(counter, _ends(before), now, now.ends)
            reached = {where: ends._replace(end=_handled(now)[where]) for where, ends in now.ends.items()}
            handled = await self._between(counter, _handled(before), now, reached)
        await self._ask_for_retention(at)
        return Measurement(at, wall_ms, now.lag(), came, handled, await self._waiting(now))

    async def aclose(self) -> None:
        """Lets go of Kafka."""
        await self.reader.aclose()

    async def _between(
        self, counter: RecordCounter, starts: Mapping[Partition, int], now: Measured, ends: Mapping[Partition, Ends]
    ) -> dict[str, int]:
        """Records from there to there, by topic; where there are many, the distance."""
        known = {where: max(start, now.ends[where].begin) for where, start in starts.items() if where in now.ends}
        counts = await counter.count(known, ends, READ_OFFSETS)
        return by_topic(counts, lambda count: count.records)

    async def _ask_for_retention(self, at: float) -> None:
        if self.asked_at is None or at > self.asked_at + timing.WATCH_RETENTION_SECONDS:
            self.asked_at = at
            self.retention = await retention_ms(self.settings, {self.settings.topic(topic): topic for topic in INPUTS})

    async def _waiting(self, now: Measured) -> list[WaitingPartition]:
        behind = {where: count.records for where, count in now.counts.items() if count.records}
        found = [(where, now.starts[where]) for where in behind]
        timestamps = await asyncio.gather(*(self._timestamp(where, offset, now.ends[where]) for where, offset in found))
        self.timestamps = dict(zip(found, timestamps, strict=True))
        return [
            WaitingPartition(*where, behind[where], offset, timestamp, self.retention.get(where[0]))
            for ((where, offset), timestamp) in zip(found, timestamps, strict=True)
        ]

    async def _timestamp(self, where: Partition, offset: int, ends: Ends) -> int | None:
        known = self.timestamps.get((where, offset))
        if known is not None:
            return known
        tp = TopicPartition(self.settings.topic(where[0]), where[1])
        return await oldest_timestamp(self.reader, tp, offset, ends)


def _ends(measured: Measured) -> dict[Partition, int]:
    return {where: ends.end for where, ends in measured.ends.items()}


def _handled(measured: Measured) -> dict[Partition, int]:
    """Up to where each partition was handled; one that was never read, from its beginning on."""
    return dict(measured.starts)
