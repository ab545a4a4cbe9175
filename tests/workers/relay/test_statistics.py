"""Statistics are said when they changed, and at most once per run of the duty (contract.md, listning.doctor.v1)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import orjson
import pytest

from handlers.world.changes import Pair
from infra.postgres.statistics import mark_stale
from tests.workers.fixtures import Rig, rig_on
from workers.relay.statistics import StatisticsPublisher

PAIR = Pair("SE2321000131-E000000000712", "SE2321000131-E000000007623")
NOON = datetime(2026, 5, 26, 12, tzinfo=UTC)
CORE: dict[str, object] = {
    "unit_hsa_id": PAIR.unit, "doctor": {}, "employment": None, "selectable": True, "active": True,
    "unavailable_because": [], "profile": {"patient_ceiling": 2},
}  # fmt: skip


@pytest.fixture
async def rig(migrated_url: str) -> AsyncIterator[Rig]:
    async with rig_on(migrated_url, doctor_figures_every=60) as rig:
        await rig.pg.execute(
            "INSERT INTO doctor VALUES ($1, 1, false, false, NULL, NULL, NULL, true, '[]')", PAIR.doctor
        )
        await rig.pg.execute(
            "INSERT INTO roster (unit, doctor, activated, active, profile, published, revision)"
            " VALUES ($1, $2, true, true, '{}', $3, 1)",
            *PAIR,
            orjson.dumps(CORE).decode(),
        )
        yield rig


async def link(pg: asyncpg.Connection, patient: int, burden: float | None) -> None:
    await pg.execute(
        "INSERT INTO patient (id, key, partition, sequence, revision, announced, care_burden)"
        " VALUES ($1, 'k', 0, 1, 1, true, $2)",
        patient,
        burden,
    )
    await pg.execute("INSERT INTO link VALUES ($1, $2, $3, '2026-05-26')", patient, *PAIR)
    await mark_stale(pg, {PAIR: NOON})


async def published(rig: Rig) -> list[tuple[int, int, float]]:
    """Patients, free places and burden, as published so far after another run."""
    duty = StatisticsPublisher(rig.runtime)
    assert duty.every == 60
    await duty(rig.runtime.engine)
    values = [orjson.loads(row[0]) for row in await rig.pg.fetch("SELECT value FROM outbox ORDER BY seq")]
    return [(value["listed_patients"], value["free_places"], value["care_burden"]) for value in values]


async def test_many_links_are_said_once(rig: Rig) -> None:
    await link(rig.pg, 1, 1.5)
    await link(rig.pg, 2, None)
    assert await published(rig) == [(2, 0, 1.5)]
    assert await rig.pg.fetchval("SELECT revision FROM roster") == 2


async def test_nothing_is_said_twice(rig: Rig) -> None:
    await link(rig.pg, 1, 1.5)
    await published(rig)
    assert await published(rig) == [(1, 1, 1.5)]
    await mark_stale(rig.pg, {PAIR: NOON})  # one came, another went
    assert await published(rig) == [(1, 1, 1.5)]
    assert await rig.pg.fetchval("SELECT count(*) FROM stale_statistics") == 0


async def test_a_pair_that_is_gone_has_no_figures(rig: Rig) -> None:
    await link(rig.pg, 1, 1.5)
    await rig.pg.execute("UPDATE roster SET published = NULL")
    assert await published(rig) == []
    assert await rig.pg.fetchval("SELECT count(*) FROM stale_statistics") == 0
