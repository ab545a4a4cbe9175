"""`fastlakare run`: the workers, the relay and the endpoints in one process, until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import TypeVar

from aiokafka.errors import KafkaError
from faststream import FastStream
from faststream.kafka import KafkaBroker
from sqlalchemy.ext.asyncio import AsyncEngine
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_random_exponential

from infra.errors import explain, fingerprint, passing, wrong_settings
from infra.events import EventBuilder
from infra.kafka.client import client_args
from infra.kafka.topics import partition_counts
from infra.logs import log
from infra.patient_keys import PatientKeys
from infra.postgres import installation, migrations
from infra.postgres.connection import create_engine, raw
from infra.postgres.reference_data import Directory
from infra.settings import Settings
from schemas.topics import FAST_LAKARKONTAKT, KIV_STAFF, KIV_UNIT, LISTNING_CLOCK, VARDVAL_LISTING
from workers import listing, staff, unit
from workers.handoff import Handoff
from workers.health import Health
from workers.http import serve_http
from workers.operations.lag import LagMeter
from workers.pipeline import commands
from workers.pipeline.consumer import Consumer
from workers.pipeline.day import Clock
from workers.pipeline.dead_letters import BadRelease
from workers.pipeline.processor import Batches
from workers.pipeline.subscription import PartitionLost, Subscription
from workers.relay.day_announcer import ClockDuty
from workers.relay.leader import Duty, Relay
from workers.relay.statistics import FiguresDuty
from workers.runtime import Runtime
from workers.stalled_sessions import watch_sleepers

T = TypeVar("T")

_CONNECTIONS = 16
#: less than what runs the process gives it (docker-compose.yml, Kubernetes: 30 s)
_LEAVING_SECONDS = 20.0

WORKERS: Mapping[str, Callable[[Runtime], Batches]] = {
    "staff": lambda parts: Batches(KIV_STAFF, staff.HANDLERS, parts, in_flight=3),
    "unit": lambda parts: Batches(KIV_UNIT, unit.HANDLERS, parts, alone=True),
    "listing": lambda parts: Batches(VARDVAL_LISTING, listing.HANDLERS, parts, in_flight=3),
    "command": lambda parts: commands.Commands(parts, in_flight=3),
    "clock": lambda parts: Clock(LISTNING_CLOCK, {}, parts),
}


async def serve(settings: Settings, only: frozenset[str]) -> int:
    """Runs what `only` names. Returns 0 when told to stop, 1 when something failed that will not pass by itself."""
    health = Health()
    engine = create_engine(settings, pool_size=_CONNECTIONS, application_name="fastlakare run")
    meter = LagMeter(settings, engine)
    http = asyncio.create_task(serve_http(settings, health, meter))
    starting = asyncio.create_task(_parts(settings, engine, health, http))
    _when_told(starting.cancel)
    try:
        await asyncio.wait([starting])
        if starting.cancelled():
            return 0
        return await _Process(await starting, only, http).run()
    except (migrations.WrongSchema, installation.WrongTopics) as error:
        log.error("cannot start", why=str(error))
        return 1
    finally:
        starting.cancel()
        http.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await http
        await meter.aclose()
        await engine.dispose()


def _when_told(stop: Callable[[], object]) -> None:
    """A signal to stop, from the first moment on: as a container's first process nothing else would end it."""
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _leaving, stop)


def _leaving(stop: Callable[[], object]) -> None:
    """Stops in order if that can be had in time. Clients take leave of a broker that is away for as long as it is away,
    and nothing is lost with them: a process may die at any moment."""
    asyncio.get_running_loop().call_later(_LEAVING_SECONDS, _end_at_once)
    stop()


def _end_at_once() -> None:
    log.critical("ended", why=f"not through with leaving after {_LEAVING_SECONDS:.0f} s")
    os._exit(1)


async def _parts(settings: Settings, engine: AsyncEngine, health: Health, http: asyncio.Task[None]) -> Runtime:
    """Everything the workers share, once the database and the cluster answer and are as they should be."""
    await _wait_for("database", health, partial(_check_schema, engine), http)
    counts = await _wait_for("Kafka", health, partial(partition_counts, settings), http)
    shards = await _wait_for("database", health, partial(_shards, engine, counts), http)
    keys = PatientKeys(settings.patient_key_secret.get_secret_value().encode(), counts[FAST_LAKARKONTAKT])
    await _wait_for("database", health, partial(_hold_key, engine, keys), http)
    return Runtime(
        settings,
        engine,
        Directory(),
        keys,
        EventBuilder(settings.source, counts),
        shards,
        Handoff(),
        health,
    )


async def _wait_for(part: str, health: Health, step: Callable[[], Awaitable[T]], http: asyncio.Task[None]) -> T:
    """Waits and says so for as long as the database or the broker is away."""

    def say(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        why = (error and (explain(error) or type(error).__name__)) or "unknown"
        log.warning("waiting", part=part, why=why)
        health.report(part, why)

    retrying = AsyncRetrying(
        retry=retry_if_exception(lambda error: _may_pass(error) and not http.done()),
        wait=wait_random_exponential(multiplier=0.2, max=5),
        before_sleep=say,
        reraise=True,
    )
    health.report(part, "not reached yet")
    result: T = await retrying(step)
    health.report(part, None)
    return result


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, KafkaError) or passing(error, 1)


async def _check_schema(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await migrations.check(await raw(connection))


async def _shards(engine: AsyncEngine, counts: Mapping[str, int]) -> dict[tuple[str, int], int]:
    async with engine.connect() as connection:
        return await installation.ensure(await raw(connection), counts)


async def _hold_key(engine: AsyncEngine, keys: PatientKeys) -> None:
    async with engine.connect() as connection:
        await installation.hold_key(await raw(connection), keys)


class _Broker(KafkaBroker):
    """Its subscribers join their groups at the same time. FastStream would have one wait for its partitions before the
    next begins, and a broker may take seconds to let a group begin (`group.initial.rebalance.delay.ms`) or to give up
    on a member that was killed."""

    async def start(self) -> None:
        """Returns when all have their partitions."""
        await self.connect()
        await asyncio.gather(*(subscriber.start() for subscriber in self.subscribers))
        self.running = True


class _App(FastStream):
    """Its `exit` is also what FastStream calls at a signal."""

    def exit(self) -> None:
        """Begins to leave."""
        _leaving(super().exit)


class _Process:
    """The parts of a running process, any of which can end it."""

    def __init__(self, parts: Runtime, only: frozenset[str], http: asyncio.Task[None]) -> None:
        self._parts = parts
        self._http = http
        self._failure: BaseException | None = None
        self._broker = _Broker(
            parts.settings.kafka_bootstrap_servers, consumer_only=True, apply_types=False, logger=None
        )
        self._app = _App(self._broker, logger=None)
        self._subscriptions = [
            Subscription(name, make(parts), self._end) for name, make in WORKERS.items() if name in only
        ]
        self._with_relay = "relay" in only

    async def run(self) -> int:
        """Until a signal or a failure."""
        _when_told(self._app.exit)  # FastStream does so too, but not before it runs
        # What was loaded lives as long as the process, and what a batch makes is freed without the collector's help.
        gc.freeze()
        gc.set_threshold(400_000, 20, 20)
        for subscription in self._subscriptions:
            subscription.register(self._broker)
        # FastStream's own security classes cannot carry a token provider; the consumers are made with our arguments.
        await self._broker.connect()
        self._broker.config.broker_config.builder = partial(Consumer, **client_args(self._parts.settings))
        tasks = [asyncio.create_task(subscription.keep_up()) for subscription in self._subscriptions]
        tasks.append(asyncio.create_task(watch_sleepers(self._parts.engine)))
        if self._with_relay:
            tasks.append(asyncio.create_task(self._relay().run()))
        for task in (*tasks, self._http):
            task.add_done_callback(self._task_ended)
        try:
            await self._app.run()
        finally:
            for task in tasks:
                task.remove_done_callback(self._task_ended)
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return self._code()

    def _relay(self) -> Relay:
        parts = self._parts
        duties: list[Duty] = [FiguresDuty(parts)]
        if parts.settings.own_clock:
            duties.append(ClockDuty(parts))
        return Relay(parts.engine, parts.settings, parts.handoff, duties=duties, health=parts.health)

    def _end(self, error: BaseException) -> None:
        """The process must end: whatever runs it starts it again (crash-only)."""
        if self._failure is None and not isinstance(error, asyncio.CancelledError):
            self._failure = error
        self._app.exit()

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self._end(task.exception() or RuntimeError("a part of the process ended by itself"))

    def _code(self) -> int:
        if self._failure is None:
            return 0
        if wrong_settings(self._failure):
            log.critical("ended", why=explain(self._failure))
            return 2
        if isinstance(self._failure, BadRelease):
            log.critical("stopped to protect the topic", why=str(self._failure))
        elif isinstance(self._failure, PartitionLost):
            log.critical("ended", why=str(self._failure))
        else:
            log.critical("ended", why=explain(self._failure) or fingerprint(self._failure).detail)
        return 1
