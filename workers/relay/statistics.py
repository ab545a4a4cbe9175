"""The doctors' figures: worked out set-based from what is linked, and said when they changed (listning.doctor.v1).

A link only leaves a mark that its doctor's figures are stale; the relay's leader takes the marks away now and then,
counts, and publishes where the figures are others than those last said. So one doctor is published for figures at most
once in `DOCTOR_FIGURES_EVERY`, however many patients come and go.
"""

from __future__ import annotations

from datetime import datetime

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from handlers.world.changes import Cause, DoctorChange, Pair
from handlers.world.statistics import Statistics
from infra.postgres import outbox
from infra.postgres.connection import checkout
from infra.postgres.statistics import (
    current_statistics,
    next_revisions,
    published_doctors,
    remember_statistics,
    take_stale,
)
from workers.runtime import Runtime

#: doctors whose figures are worked out in one transaction
_CHUNK = 500


class StatisticsPublisher:
    """A duty of the relay's leader."""

    component = "figures"

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.every = runtime.settings.doctor_figures_every

    async def begin(self, engine: AsyncEngine) -> None:
        """What is stale is marked in the database, whoever leads."""

    async def __call__(self, engine: AsyncEngine) -> None:
        """Works off all marks there are."""
        while await self._chunk(engine) == _CHUNK:
            pass

    async def _chunk(self, engine: AsyncEngine) -> int:
        runtime = self._runtime
        async with checkout(engine) as pg, pg.transaction():
            stale = await take_stale(pg, _CHUNK)
            events = [runtime.events.doctor(*change) for change in await _changes(pg, stale)]
            appended = await outbox.append(pg, runtime.shards, events)
        runtime.handoff.put(appended)
        return len(stale)


async def _changes(pg: asyncpg.Connection, stale: dict[Pair, datetime]) -> list[tuple[DoctorChange, Statistics]]:
    """The pairs whose figures differ from those published last."""
    published = await published_doctors(pg, stale)
    current = await current_statistics(pg, published)
    changed = {pair: now for pair, now in current.items() if published[pair].statistics != [*now]}
    if not changed:
        return []
    await remember_statistics(pg, changed)
    changes = []
    for pair, revision in (await next_revisions(pg, changed)).items():
        cause = Cause("figures", f"{pair.unit}/{pair.doctor}/{revision}", stale[pair])
        changes.append((DoctorChange(pair, revision, published[pair].payload, cause), changed[pair]))
    return changes
