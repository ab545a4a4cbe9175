"""The system's own clock: midnight in Stockholm, each day once (T1)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import orjson
import pytest

from infra.postgres.outbox import unpack
from tests.workers.fixtures import Rig, rig_on
from workers.relay.day_announcer import DayAnnouncer


@pytest.fixture
async def rig(migrated_url: str) -> AsyncIterator[Rig]:
    async with rig_on(migrated_url) as rig:
        yield rig


def announcer(rig: Rig, instant: str, database: str | None = None) -> DayAnnouncer:
    """The duty at an instant, by this machine's clock and by the database's, which is the same unless said."""

    async def database_now(_: asyncpg.Connection) -> datetime:
        return datetime.fromisoformat(database or instant)

    return DayAnnouncer(rig.runtime, lambda: datetime.fromisoformat(instant), database_now)


async def announced(rig: Rig, *instants: str) -> list[str]:
    """The days said when the duty runs at these instants."""
    for instant in instants:
        await announcer(rig, instant)(rig.runtime.engine)
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


async def test_a_machine_whose_clock_differs_from_the_databases_announces_nothing(rig: Rig) -> None:
    for instant in ("2026-05-26T08:05:01Z", "2026-05-26T07:54:59Z", "2099-01-01T00:00:00Z"):
        await announcer(rig, instant, database="2026-05-26T08:00:00Z")(rig.runtime.engine)
        (reason,) = rig.runtime.health.reasons()
        assert reason.startswith("clock: no day is announced: this machine's clock says ")
    assert await rig.pg.fetchval("SELECT count(*) FROM outbox") == 0

    await announcer(rig, "2026-05-26T08:05:00Z", database="2026-05-26T08:00:00Z")(rig.runtime.engine)

    assert rig.runtime.health.reasons() == []
    assert await rig.pg.fetchval("SELECT count(*) FROM outbox") == 1


async def test_the_databases_clock_is_the_servers(rig: Rig) -> None:
    await DayAnnouncer(rig.runtime, lambda: datetime.now(UTC) + timedelta(days=2))(rig.runtime.engine)
    assert await rig.pg.fetchval("SELECT count(*) FROM outbox") == 0

    await DayAnnouncer(rig.runtime)(rig.runtime.engine)
    assert await rig.pg.fetchval("SELECT count(*) FROM outbox") == 1


@pytest.mark.parametrize(("last", "announces"), [("2026-05-19", True), ("2026-05-18", False), ("1970-01-01", False)])
async def test_a_day_more_than_seven_after_the_last_needs_a_word(rig: Rig, last: str, announces: bool) -> None:
    await rig.pg.execute(f"UPDATE day SET day = '{last}'")
    assert await announced(rig, "2026-05-26T08:00:00Z") == (["2026-05-26"] if announces else [])
    assert (rig.runtime.health.reasons() == []) is announces

    jumping = replace(rig.runtime, settings=rig.runtime.settings.model_copy(update={"clock_may_jump": True}))
    assert await announced(rig._replace(runtime=jumping), "2026-05-26T08:00:00Z") == ["2026-05-26"]
    assert rig.runtime.health.reasons() == []


async def test_the_first_day_of_all_needs_none(rig: Rig) -> None:
    assert await announced(rig, "2026-05-26T08:00:00Z") == ["2026-05-26"]


async def test_a_term_announces_again_what_never_took_effect(rig: Rig) -> None:
    await announced(rig, "2026-05-26T08:00:00Z")
    duty = announcer(rig, "2026-05-26T09:00:00Z")

    await duty.begin(rig.runtime.engine)
    await duty(rig.runtime.engine)
    await duty(rig.runtime.engine)

    assert await rig.pg.fetchval("SELECT count(*) FROM outbox") == 2


@pytest.mark.parametrize("state", ["day = '2026-05-26'", "day = '2026-05-25', in_progress = true"])
async def test_a_term_announces_nothing_again_that_has_begun_or_may_begin_yet(rig: Rig, state: str) -> None:
    await announced(rig, "2026-05-26T08:00:00Z")
    await rig.pg.execute(f"UPDATE day SET {state}")
    duty = announcer(rig, "2026-05-26T09:00:00Z")

    await duty.begin(rig.runtime.engine)
    await duty(rig.runtime.engine)

    assert await rig.pg.fetchval("SELECT count(*) FROM outbox") == 1
