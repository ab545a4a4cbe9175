"""Runs that were left to the service: any of its processes works them off, one at a time, under a lease (O4)."""

from __future__ import annotations

import asyncio
from typing import NoReturn

from infra import timing
from infra.error_kinds import is_transient
from infra.failures import failure_reason
from infra.foreign_errors import explain
from infra.kafka.log_reader import LogReader
from infra.logs import log
from infra.postgres import runs
from infra.postgres.connection import checkout
from workers.operations.kinds import work_of
from workers.operations.report import Progress
from workers.operations.runs import carry_out
from workers.operations.session import Session
from workers.runtime import Runtime


async def work_off_runs(runtime: Runtime, every: float = timing.RUN_DETACHED_SECONDS) -> NoReturn:
    """For ever, looking `every` so many seconds whether there is one that nobody works on."""
    while True:
        try:
            async with checkout(runtime.engine) as pg:
                id = await runs.next_detached(pg)
            if id is not None:
                await _work_off(runtime, id)
        except Exception as error:  # noqa: BLE001  # the service goes on; the run is taken up again
            log.warning("run interrupted", why=explain(error) or failure_reason(error).detail)
            if not is_transient(error):
                await asyncio.sleep(timing.RUN_LEASE_SECONDS)
        await asyncio.sleep(every)


async def _work_off(runtime: Runtime, id: str) -> None:
    reader = await LogReader.start(runtime.settings)
    try:
        log.info("run taken up", run=id)
        never = asyncio.Event()
        done = await carry_out(Session(runtime, reader), id, work_of, Progress({}), never, stopped_as="running")
        log.info("run ended", run=id, state=done.state, outcomes=dict(done.tally.outcomes), why=done.error)
    finally:
        await reader.aclose()
