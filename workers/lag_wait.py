"""`fastlakare lag`: measuring once, or until nothing is behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.console import Console
from rich.markup import escape

from infra.postgres.connection import create_engine
from infra.settings import Settings
from workers.lag import Lag, LagMeter
from workers.outages import explain, wrong_settings

_MEASURE_SECONDS = 20.0
_PAUSE_SECONDS = 0.25
# More than a running process reads: this one has nothing else to do.
_READ_OFFSETS = 200_000


async def measure_once(settings: Settings) -> Lag:
    """The lag right now. Raises what Kafka or the database raises, or TimeoutError."""
    async with _meter(settings) as meter, asyncio.timeout(_MEASURE_SECONDS):
        return await meter()


async def wait_for_none(settings: Settings, seconds: float) -> Lag:
    """The lag as soon as nothing is behind, or when the time is up.

    Servers that are away are waited for like everything else; what is still wrong when the time is up is raised.
    """
    deadline = time.monotonic() + seconds
    console = Console(stderr=True)
    async with _meter(settings) as meter:
        with console.status("measuring", spinner="dots") as status:
            while True:
                try:
                    async with asyncio.timeout(_MEASURE_SECONDS):
                        lag = await meter()
                    if lag.none or time.monotonic() >= deadline:
                        return lag
                    status.update(_words(lag))
                except Exception as error:
                    reason = explain(error)
                    if reason is None or wrong_settings(error) or time.monotonic() >= deadline:
                        raise
                    status.update(escape(reason))
                await asyncio.sleep(min(_PAUSE_SECONDS, max(0.0, deadline - time.monotonic())))


@asynccontextmanager
async def _meter(settings: Settings) -> AsyncIterator[LagMeter]:
    engine = create_engine(settings, pool_size=1, application_name="fastlakare lag")
    meter = LagMeter(settings, engine, _READ_OFFSETS)
    try:
        yield meter
    finally:
        await meter.aclose()
        await engine.dispose()


def _words(lag: Lag) -> str:
    parts = [f"{topic} {count}" for topic, count in lag.inputs.items() if count]
    parts += [f"{what} {count}" for what, count in (("outbox", lag.outbox), ("figures", lag.figures)) if count]
    if lag.working:
        parts.append("the day's own work")
    return "waiting for " + ", ".join(parts)
