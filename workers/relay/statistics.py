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
from handlers.world.statistics import Figures
from infra.events import current_figures, remember_figures
from infra.postgres.connection import raw
from workers.runtime import Parts

#: doctors whose figures are worked out in one transaction
_CHUNK = 500

_STALE = "SELECT DISTINCT unit_hsa_id, doctor_hsa_id FROM figures_stale LIMIT $1"
_LOCK = "SELECT hsa_id FROM doctor WHERE hsa_id = ANY($1) ORDER BY hsa_id FOR UPDATE"
_TAKE = """
WITH taken AS (
    DELETE FROM figures_stale
    WHERE (unit_hsa_id, doctor_hsa_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))
    RETURNING unit_hsa_id, doctor_hsa_id, at
)
SELECT unit_hsa_id, doctor_hsa_id, max(at) FROM taken GROUP BY 1, 2
"""
_SAID = """
SELECT unit, doctor, published, figures FROM roster
WHERE published IS NOT NULL AND (unit, doctor) IN (SELECT * FROM unnest($1::text[], $2::text[]))
"""
_NEXT_REVISION = """
UPDATE roster SET revision = revision + 1
WHERE (unit, doctor) IN (SELECT * FROM unnest($1::text[], $2::text[])) RETURNING unit, doctor, revision
"""


class FiguresDuty:
    """A duty of the relay's leader."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.every = parts.settings.doctor_figures_every

    async def __call__(self, engine: AsyncEngine) -> None:
        """Works off all marks there are."""
        while await self._chunk(engine) == _CHUNK:
            pass

    async def _chunk(self, engine: AsyncEngine) -> int:
        async with engine.connect() as connection:
            pg = await raw(connection)
            async with pg.transaction():
                stale = [Pair(*row) for row in await pg.fetch(_STALE, _CHUNK)]
                if not stale:
                    return 0
                # The doctors' lock keeps the order of what is said of a pair; marks made from here on are left.
                await pg.execute(_LOCK, [pair.doctor for pair in stale])
                units, doctors = _columns(stale)
                taken = {Pair(unit, doctor): at for unit, doctor, at in await pg.fetch(_TAKE, units, doctors)}
                events = [self._parts.publisher.doctor(*change) for change in await _changes(pg, taken)]
                outgoing = await self._parts.publisher.write(pg, events)
        self._parts.handoff.give(outgoing)
        return len(stale)


async def _changes(pg: asyncpg.Connection, taken: dict[Pair, datetime]) -> list[tuple[DoctorChange, Figures]]:
    """The pairs whose figures are others than those last said."""
    said = {Pair(row[0], row[1]): row for row in await pg.fetch(_SAID, *_columns(list(taken)))}
    figures = await current_figures(pg, said)
    news = {pair: now for pair, now in figures.items() if said[pair][3] is None or said[pair][3] != [*now]}
    if not news:
        return []
    await remember_figures(pg, news)
    changes = []
    for unit, doctor, revision in await pg.fetch(_NEXT_REVISION, *_columns(list(news))):
        pair = Pair(unit, doctor)
        cause = Cause("figures", f"{unit}/{doctor}/{revision}", taken[pair])
        changes.append((DoctorChange(pair, revision, said[pair][2], cause), news[pair]))
    return changes


def _columns(pairs: list[Pair]) -> tuple[list[str], list[str]]:
    return [pair.unit for pair in pairs], [pair.doctor for pair in pairs]
