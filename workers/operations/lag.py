"""How far behind the installation is: per input topic, in the outbox, in the figures and in the day's own work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from infra import metrics, timing
from infra.foreign_errors import explain, is_settings_error
from infra.kafka.log_reader import Ends
from infra.kafka.record_counter import Count, Partition, RecordCounter
from infra.postgres.connection import create_engine
from infra.postgres.lag import Backlog, read_backlog
from infra.settings import Settings
from schemas.topics import TOPICS
from workers.operations.open_transactions import OpenTransaction, OpenTransactions

# Up to so many offsets are read, to tell records from transaction markers and from gaps that compaction left; beyond,
# the distance is told as it is. What is left when all has been handled is always within.
READ_OFFSETS = 10_000
#: a command reads more than a running process does: it has nothing else to do
_READ_OFFSETS_OF_COMMAND = 200_000

INPUTS = tuple(topic.name for topic in TOPICS if topic.direction == "in")


@dataclass(frozen=True)
class Lag:
    """What is still to be done; `inputs` counts records by bare topic name, and `behind_open_transaction` those of them
    that nobody can read before somebody else's transaction ends."""

    day: date | None
    inputs: Mapping[str, int]
    outbox: int
    figures: int
    working: bool
    behind_open_transaction: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(INPUTS, 0))
    open_transactions: Sequence[OpenTransaction] = ()

    @property
    def none(self) -> bool:
        """Whether everything that was in has been answered."""
        return not (any(self.inputs.values()) or self.outbox or self.figures or self.working)

    def as_json(self) -> dict[str, Any]:
        """The shape of `GET /lag` (running.md)."""
        return {
            "day": None if self.day is None else self.day.isoformat(),
            "inputs": dict(self.inputs),
            "outbox": self.outbox,
            "figures": self.figures,
            "working": self.working,
            "behind_open_transaction": dict(self.behind_open_transaction),
        }


@dataclass(frozen=True)
class Measured:
    """One measurement, by partition: where its log begins and ends, where what is not handled `starts`, and how many
    records that is; and what the database says."""

    ends: Mapping[Partition, Ends]
    backlog: Backlog
    starts: Mapping[Partition, int]
    counts: Mapping[Partition, Count]

    def lag(self, open_transactions: Sequence[OpenTransaction] = ()) -> Lag:
        """The same by topic."""
        return Lag(
            self.backlog.day,
            by_topic(self.counts, lambda count: count.records),
            self.backlog.outbox,
            self.backlog.stale_doctors,
            self.backlog.in_progress,
            by_topic(self.counts, lambda count: count.behind_open_transaction),
            open_transactions,
        )


async def measure(settings: Settings, engine: AsyncEngine, counter: RecordCounter, read_offsets: int) -> Measured:
    """How far behind the topics' ends of right now; at most `read_offsets` offsets are read. Raises KafkaError (a topic
    that is missing included) and what the database raises.

    The ends are read first, the database afterwards: what came in between counts for nobody, and nothing that was in
    before is forgotten.
    """
    ends = await counter.ends({settings.topic(topic): topic for topic in INPUTS})
    async with engine.connect() as connection:
        backlog = await read_backlog(connection)
    starts = {where: max(backlog.next_offsets.get(where, 0), begin) for where, (begin, _, _) in ends.items()}
    return Measured(ends, backlog, starts, await counter.count(starts, ends, read_offsets))


class LagMeter:
    """Measures again and again over one connection, for `GET /lag` and for `lag --wait`; tells Prometheus as well."""

    def __init__(
        self,
        settings: Settings,
        engine: AsyncEngine,
        read_offsets: int = READ_OFFSETS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._read_offsets = read_offsets
        self._counter: RecordCounter | None = None
        self._open_transactions = OpenTransactions(clock)
        self._one_at_a_time = asyncio.Lock()

    async def __call__(self) -> Lag:
        """The lag right now. Raises what Kafka or the database raises; the next call then begins afresh."""
        async with self._one_at_a_time:
            try:
                if self._counter is None:
                    self._counter = await RecordCounter.start(self._settings)
                lag = await self._measure(self._counter)
            except BaseException:
                await self._stop()
                raise
        _update_metrics(lag)
        return lag

    async def aclose(self) -> None:
        """Lets go of Kafka. The engine belongs to the caller."""
        async with self._one_at_a_time:
            await self._stop()

    async def _measure(self, counter: RecordCounter) -> Lag:
        found = await measure(self._settings, self._engine, counter, self._read_offsets)
        return found.lag(self._open_transactions.observe(found.ends, found.counts))

    async def _stop(self) -> None:
        counter, self._counter = self._counter, None
        if counter is not None:
            await counter.aclose()


def by_topic(counts: Mapping[Partition, Count], number: Callable[[Count], int]) -> dict[str, int]:
    """That number of all partitions of each input topic together."""
    totals = dict.fromkeys(INPUTS, 0)
    for (topic, _), count in counts.items():
        totals[topic] += number(count)
    return totals


def _update_metrics(lag: Lag) -> None:
    for topic, count in lag.inputs.items():
        metrics.lag.labels(topic).set(count)
        metrics.behind_open_transaction.labels(topic).set(lag.behind_open_transaction[topic])
        ages = [one.open_seconds for one in lag.open_transactions if one.topic == topic]
        metrics.open_transaction_seconds.labels(topic).set(max(ages, default=0))
    metrics.outbox.set(lag.outbox)
    metrics.stale_doctors.set(lag.figures)
    metrics.day_in_progress.set(lag.working)
    if lag.day is not None:
        metrics.set_day(lag.day)


async def measure_once(settings: Settings) -> Lag:
    """The lag right now. Raises what Kafka or the database raises, or TimeoutError."""
    async with _meter(settings) as meter, asyncio.timeout(timing.COMMAND_LAG_SECONDS):
        return await meter()


async def wait_until_zero(settings: Settings, seconds: float, report: Callable[[Lag | str], None]) -> Lag:
    """The lag as soon as nothing is behind, or when the time is up; `report` gets each measurement, or why none was
    had.

    Servers that are away are waited for like everything else; what is still wrong when the time is up is raised.
    """
    deadline = time.monotonic() + seconds
    async with _meter(settings) as meter:
        while True:
            try:
                async with asyncio.timeout(timing.COMMAND_LAG_SECONDS):
                    lag = await meter()
                if lag.none or time.monotonic() >= deadline:
                    return lag
                report(lag)
            except Exception as error:
                reason = explain(error)
                if reason is None or is_settings_error(error) or time.monotonic() >= deadline:
                    raise
                report(reason)
            await asyncio.sleep(min(timing.COMMAND_LAG_POLL_SECONDS, max(0.0, deadline - time.monotonic())))


@asynccontextmanager
async def _meter(settings: Settings) -> AsyncIterator[LagMeter]:
    engine = create_engine(settings, pool_size=1, application_name="fastlakare lag")
    meter = LagMeter(settings, engine, _READ_OFFSETS_OF_COMMAND)
    try:
        yield meter
    finally:
        await meter.aclose()
        await engine.dispose()
