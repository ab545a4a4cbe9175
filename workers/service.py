"""`fastlakare run`: the workers, the relay and the endpoints in one process, until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from faststream import FastStream
from faststream.kafka import KafkaBroker

from infra import timing
from infra.error_kinds import ErrorKind, kind_of
from infra.errors import PartitionFenced
from infra.failures import failure_reason
from infra.foreign_errors import explain, is_settings_error
from infra.kafka.client import client_args
from infra.kafka.consumer import Consumer
from infra.logs import log
from infra.postgres.connection import checkout, create_engine, database_role
from infra.settings import Settings
from infra.version import version
from schemas.errors import FastlakareError
from workers.health import Health
from workers.http import serve_http
from workers.operations.detached import work_off_runs
from workers.operations.lag import LagMeter
from workers.operations.verification.duty import Verification
from workers.pipeline.processor import BatchProcessor
from workers.pipeline.queued_processor import QueuedProcessor
from workers.pipeline.route import Processor, Route
from workers.pipeline.subscription import Subscription
from workers.relay.day_announcer import DayAnnouncer
from workers.relay.leader import Duty, Relay
from workers.relay.retention import Retention
from workers.relay.statistics import StatisticsPublisher
from workers.routes import RELAY, ROUTES
from workers.runtime import Runtime, start
from workers.stalled_sessions import watch_stalled_sessions

_CONNECTIONS = 16
#: no restart helps before somebody has fixed rights, schema or topics
EXIT_INSTALLATION = 3


async def serve(settings: Settings, only: frozenset[str]) -> int:
    """Runs the workers that `only` names. Returns 0 when told to stop, 1 when something failed that needs a new process
    or somebody to look, 2 for settings that are wrong, 3 for a database or cluster that is not as it must be."""
    health = Health()
    engine = create_engine(settings, pool_size=_CONNECTIONS, application_name="fastlakare run")
    meter = LagMeter(settings, engine)
    http = asyncio.create_task(serve_http(settings, health, meter))
    starting = asyncio.create_task(start(settings, engine, health, http))
    _on_stop_signal(starting.cancel)
    try:
        await asyncio.wait([starting])
        if starting.cancelled():
            return 0
        runtime = await starting
        await _log_start(runtime, only)
        code = await _Process(runtime, only, http).run()
        log.info("stopped", exit_code=code)
        return code
    except Exception as error:
        if is_settings_error(error) or kind_of(error) is not ErrorKind.INSTALLATION:
            raise
        log.error("cannot start", why=_why(error))
        return EXIT_INSTALLATION
    finally:
        starting.cancel()
        http.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await http
        await meter.aclose()
        await engine.dispose()


async def _log_start(runtime: Runtime, only: frozenset[str]) -> None:
    settings = runtime.settings
    async with checkout(runtime.engine) as pg:
        role = await database_role(pg)
    log.info(
        "started",
        version=version(),
        workers=sorted(only),
        group=settings.group_id,
        topic_prefix=settings.topic_prefix,
        database_role=role,
    )


def _on_stop_signal(stop: Callable[[], object]) -> None:
    """A signal to stop, from the first moment on: as a container's first process nothing else would end it."""
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _shut_down, stop)


def _shut_down(stop: Callable[[], object], exit_code: Callable[[], int] = lambda: 1) -> None:
    """Stops in order if that can be had in time. Clients say goodbye to a broker that is away for as long as it is
    away, and nothing is lost with them: a process may die at any moment."""
    asyncio.get_running_loop().call_later(timing.SHUTDOWN_SECONDS, _exit_at_once, exit_code)
    stop()


def _exit_at_once(exit_code: Callable[[], int]) -> None:
    waits_for = sorted({_innermost(task) for task in asyncio.all_tasks()})
    log.critical("shutdown timed out", seconds=timing.SHUTDOWN_SECONDS, waits_for=waits_for)
    os._exit(exit_code())


def _innermost(task: asyncio.Task[Any]) -> str:
    """What the task waits for: the innermost function that is told of it."""
    awaited: Any = task.get_coro()
    while (inner := getattr(awaited, "cr_await", None)) is not None and hasattr(inner, "__qualname__"):
        awaited = inner
    return str(awaited.__qualname__)


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
    """Its `exit` is also what FastStream calls at a signal. `exit_code`: of a process that does not stop in time."""

    exit_code = 1

    def exit(self) -> None:
        """Begins to shut down."""
        _shut_down(super().exit, lambda: self.exit_code)


class _Process:
    """The tasks of a running process, any of which can end it."""

    def __init__(self, runtime: Runtime, only: frozenset[str], http: asyncio.Task[None]) -> None:
        self._runtime = runtime
        self._http = http
        self._failure: BaseException | None = None
        self._broker = _Broker(
            runtime.settings.kafka_bootstrap_servers,
            consumer_only=True,
            apply_types=False,
            logger=None,
            graceful_timeout=timing.SHUTDOWN_DRAIN_SECONDS,
        )
        self._app = _App(self._broker, logger=None)
        self._subscriptions = [
            Subscription(name, make_processor(route, runtime), self._end)
            for name, route in ROUTES.items()
            if name in only
        ]
        self._with_relay = RELAY in only

    async def run(self) -> int:
        """Until a signal or a failure."""
        _on_stop_signal(self._app.exit)  # FastStream does so too, but not before it runs
        # What was loaded lives as long as the process, and what a batch makes is freed without the collector's help.
        gc.freeze()
        gc.set_threshold(400_000, 20, 20)
        for subscription in self._subscriptions:
            subscription.register(self._broker)
        # FastStream's own security classes cannot carry a token provider; the consumers are made with our arguments.
        await self._broker.connect()
        self._broker.config.broker_config.builder = partial(Consumer, **client_args(self._runtime.settings))
        tasks = [asyncio.create_task(subscription.maintain()) for subscription in self._subscriptions]
        tasks.append(asyncio.create_task(watch_stalled_sessions(self._runtime.engine)))
        tasks.append(asyncio.create_task(work_off_runs(self._runtime)))
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
        return 0 if self._failure is None else self._app.exit_code

    def _relay(self) -> Relay:
        runtime = self._runtime
        duties: list[Duty] = [StatisticsPublisher(runtime), Retention(runtime.settings.dlq_retention_days)]
        if runtime.settings.verify_every:
            duties.append(Verification(runtime.settings))
        if runtime.settings.own_clock:
            duties.append(DayAnnouncer(runtime))
        return Relay(runtime.engine, runtime.settings, runtime.handoff, duties=duties, health=runtime.health)

    def _end(self, error: BaseException) -> None:
        """The process must end: whatever runs it starts it again (crash-only). Why is told at once: it may not stop in
        time."""
        if self._failure is None and not isinstance(error, asyncio.CancelledError):
            self._failure = error
            self._app.exit_code = _tell(error)
        self._app.exit()

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self._end(task.exception() or RuntimeError("a task of the process ended by itself"))


def _tell(error: BaseException) -> int:
    """Logs why the process ends; returns its exit code."""
    if is_settings_error(error):
        log.critical("invalid configuration", why=explain(error))
        return 2
    if kind_of(error) is ErrorKind.INSTALLATION:
        log.critical("installation fault", why=_why(error))
        return EXIT_INSTALLATION
    if isinstance(error, PartitionFenced):
        log.critical("partition fenced for too long", why=str(error))
    else:
        log.critical("fatal error", why=_why(error))
    return 1


def make_processor(route: Route, runtime: Runtime) -> Processor:
    """What handles the records of a route."""
    processor = BatchProcessor(route, runtime)
    return QueuedProcessor(processor) if route.queued else processor


def _why(error: BaseException) -> str:
    return explain(error) or (str(error) if isinstance(error, FastlakareError) else failure_reason(error).detail)
