"""Every process looks now and then whether another one of the installation sleeps on what somebody waits for."""

from __future__ import annotations

import asyncio
from typing import NoReturn

from sqlalchemy.ext.asyncio import AsyncEngine

from infra.errors import explain, fingerprint, passing
from infra.logs import log
from infra.postgres.connection import raw
from infra.postgres.stalled_sessions import SLEPT_SECONDS, end_sleepers

_LOOK_SECONDS = 5.0


async def watch_sleepers(engine: AsyncEngine, every: float = _LOOK_SECONDS, after: float = SLEPT_SECONDS) -> NoReturn:
    """For ever, `every` so many seconds: ends the sessions of those that have slept for `after` seconds."""
    while True:
        await asyncio.sleep(every)
        try:
            async with engine.connect() as connection:
                for session in await end_sleepers(await raw(connection), after):
                    log.warning("a sleeper's session ended", slept_seconds=round(session.slept, 1))
        except Exception as error:  # noqa: BLE001  # only the watch is lost; an outage is told by those who have work
            if not passing(error, 1):
                log.error("cannot look for sleepers", why=explain(error) or fingerprint(error).detail)
