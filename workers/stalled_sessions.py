"""Every process looks now and then whether another one of the installation sleeps on a lock that somebody waits for."""

from __future__ import annotations

import asyncio
from typing import NoReturn

from sqlalchemy.ext.asyncio import AsyncEngine

from infra import timing
from infra.error_kinds import is_transient
from infra.failures import failure_reason
from infra.foreign_errors import explain
from infra.logs import log
from infra.postgres.connection import checkout
from infra.postgres.stalled_sessions import terminate_stalled_sessions


async def watch_stalled_sessions(
    engine: AsyncEngine,
    every: float = timing.STALLED_SESSION_CHECK_SECONDS,
    after: float = timing.STALLED_SESSION_SECONDS,
) -> NoReturn:
    """For ever, `every` so many seconds: terminates the sessions of processes that have slept for `after` seconds."""
    while True:
        await asyncio.sleep(every)
        try:
            async with checkout(engine) as pg:
                for session in await terminate_stalled_sessions(pg, after):
                    log.warning("stalled session terminated", stalled_seconds=round(session.stalled_seconds, 1))
        except Exception as error:  # noqa: BLE001  # only the watch is lost; an outage is told by those who have work
            if not is_transient(error):
                log.error("stalled sessions check failed", why=explain(error) or failure_reason(error).detail)
