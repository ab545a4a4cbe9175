"""What an operator's command works with: the installation as it is, and a reader of its topics."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date

from infra.errors import DayUnknown
from infra.kafka.log_reader import LogReader
from infra.postgres.connection import create_engine
from infra.postgres.rehearsal import Snapshot, snapshot
from infra.settings import Settings
from workers.runtime import Runtime, recall, remembered

_CONNECTIONS = 4
#: no digits, which together with those of a date could look like a personnummer
_LETTERS = "bcdfghjkmnpqrstvwxz"


@dataclass(slots=True, frozen=True)
class Session:
    """Of one command, which joins no consumer group (O3)."""

    runtime: Runtime
    reader: LogReader


@asynccontextmanager
async def connect(settings: Settings, command: str) -> AsyncIterator[Session]:
    """`command`: its name, which the database shows. Raises InstallationError, SettingsError, and what Kafka and the
    database raise."""
    engine = create_engine(settings, pool_size=_CONNECTIONS, application_name=f"fastlakare {command}")
    try:
        runtime = await recall(settings, engine)
        reader = await LogReader.start(settings)
        try:
            yield Session(runtime, reader)
        finally:
            await reader.aclose()
    finally:
        await engine.dispose()


@asynccontextmanager
async def on_snapshot(settings: Settings, command: str) -> AsyncIterator[tuple[Runtime, Snapshot]]:
    """What a command judges on that needs the database alone. Raises InstallationError, SettingsError, DayUnknown where
    the installation has never started, and what the database raises."""
    engine = create_engine(settings, pool_size=_CONNECTIONS, application_name=f"fastlakare {command}")
    try:
        runtime = await remembered(settings, engine)
        if runtime is None:
            raise DayUnknown
        async with snapshot(engine) as state:
            yield runtime, state
    finally:
        await engine.dispose()


def new_run_id(today: date) -> str:
    """One that is sorted by day, and can be typed."""
    return f"{today}-{''.join(secrets.choice(_LETTERS) for _ in range(6))}"
