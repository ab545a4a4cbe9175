"""The system's own clock: midnight in Stockholm, each day once (T1)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial

import orjson
import pytest

from infra.postgres.outbox import unpack
from tests.workers.fixtures import Rig, rig_on
from workers.relay.day_announcer import DayAnnouncer


@pytest.fixture
async def rig(migrated_url: str) -> AsyncIterator[Rig]:
    async with rig_on(migrated_url) as rig:
        yield rig


async def announced(rig: Rig, *instants: str) -> list[str]:
    """The days said when the duty runs at these instants."""
    for instant in instants:
        clock = partial(datetime.fromisoformat, instant.replace("Z", "+00:00"))
        await DayAnnouncer(rig.runtime, clock)(rig.runtime.engine)
    return [orjson.loads(row[0])["day"] for row in await rig.pg.fetch("SELECT value FROM outbox ORDER BY seq")]


@pytest.mark.parametrize(
    ("before", "after", "days"),
    [
        ("2026-01-14T22:59:59Z", "2026-01-14T23:00:00Z", ["2026-01-14", "2026-01-15"]),
        ("2026-07-14T21:59:59Z", "2026-07-14T22:00:00Z", ["2026-07-14", "2026-07-15"]),
        ("2026-03-28T22:59:59Z", "2026-03-28T23:00:00Z", ["2026-03-28", "2026-03-29"]),
        ("2026-03-29T21:59:59Z", "2026-03-29T22:00:00Z", ["2026-03-29", "2026-03-30"]),
        ("2026-10-25T22:59:59Z", "2026-10-25T23:00:00Z", ["2026-10-25", "2026-10-26"]),
    ],
    ids=["winter", "summer", "the night before summer time", "the first summer evening", "the first winter evening"],
)
async def test_the_day_turns_at_midnight_in_stockholm(rig: Rig, before: str, after: str, days: list[str]) -> None:
    assert await announced(rig, before, after) == days


async def test_a_day_is_announced_once_whatever_the_process(rig: Rig) -> None:
    assert await announced(rig, "2026-05-26T08:00:00Z", "2026-05-26T09:00:00Z") == ["2026-05-26"]


async def test_a_clock_that_goes_back_says_nothing(rig: Rig) -> None:
    assert await announced(rig, "2026-05-26T08:00:00Z", "2026-05-25T08:00:00Z") == ["2026-05-26"]


async def test_a_day_that_has_begun_already_is_not_announced(rig: Rig) -> None:
    await rig.pg.execute("UPDATE day SET day = '2026-05-26'")
    assert await announced(rig, "2026-05-26T08:00:00Z") == []
    assert await announced(rig, "2026-05-27T08:00:00Z") == ["2026-05-27"]


async def test_the_event_is_that_of_the_contract(rig: Rig) -> None:
    await announced(rig, "2026-05-26T08:00:00Z")
    key, value, packed = await rig.pg.fetchrow("SELECT key, value, headers FROM outbox")
    headers = dict(unpack(packed))
    assert (key, orjson.loads(value)) == (b"day", {"day": "2026-05-26"})
    assert headers["ce_id"] == b"day/2026-05-26"
    assert headers["ce_type"] == b"se.vgregion.listning.day-began.v1"
