"""Forecast: what it says of days to come is what their turns then publish, where nothing arrives between."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from hashlib import sha256

import orjson
import pytest

from infra.errors import DayUnknown, UnusableSelection
from infra.postgres.rehearsal import snapshot
from schemas.topics import LISTNING_CLOCK
from tests.harness.records import Sender
from tests.workers.fixtures import Rig, rig_on
from tests.workers.operations.eventful import eventful
from tests.workers.operations.lived import EventId, Service, contents, history
from workers.operations.forecast import ONE_DAY, Forecast, forecast
from workers.runtime import Limits

SENDER = Sender(datetime(2026, 1, 1, tzinfo=UTC), source="clock")


@pytest.fixture
async def rig(migrated_url: str) -> AsyncIterator[Rig]:
    async with rig_on(migrated_url) as rig:
        yield rig


async def foretold(rig: Rig, until: date | None = None) -> Forecast:
    async with snapshot(rig.runtime.engine) as state:
        return await forecast(rig.runtime, state, until)


def digest(events: list[EventId]) -> str:
    """As operations.md has it: the sum of the hashes of topic and id of every event."""
    total = sum(int.from_bytes(sha256(f"{topic} {id}".encode()).digest()) for topic, id in events)
    return (total % (1 << 256)).to_bytes(32).hex()


# histories in which days end links
@pytest.mark.parametrize("seed", [None, 68, 89, 131, 215, 239, 282])
async def test_o2_what_is_foretold_is_what_the_turns_then_publish(rig: Rig, seed: int | None) -> None:
    rig = Rig(replace(rig.runtime, limits=Limits(of_chunk=1 + (seed or 0) % 3)), rig.pg)
    service, foreseen = await Service.on(rig), 0
    for record in eventful() if seed is None else history(seed, 160):
        today = await rig.pg.fetchval("SELECT day FROM day")
        until = date.fromisoformat(orjson.loads(record.value or b"")["day"]) if record.topic == LISTNING_CLOCK else None
        if today is None or until is None or until <= today:
            await service.handle(service.append(record))
            continue
        before, known = await contents(rig), await service.published()
        said = await foretold(rig, until)
        assert await contents(rig) == before
        assert (said.day, said.until) == (today, until)
        for turn in said.turns:
            told = await service.heard(SENDER.day(turn.day.isoformat()))
            assert Counter(topic for topic, _ in told.events) == {
                topic: sum(counts.values()) for topic, counts in turn.tally.events.items()
            }
        await service.handle(service.append(record))
        events = (await service.published())[len(known) :]
        assert said.as_json()["digest"] == digest(events)
        foreseen += len(events)
    assert foreseen, "days on which nothing happens test nothing"


async def test_o2_each_day_of_many_is_told_by_itself(rig: Rig) -> None:
    service = await Service.on(rig)
    for record in eventful()[:36]:
        await service.handle(service.append(record))
    said = await foretold(rig, date(2026, 6, 3))
    days = [date(2026, 5, 27) + number * ONE_DAY for number in range(8)]
    told = {day: len((await service.heard(SENDER.day(day.isoformat()))).events) for day in days}
    assert {turn.day: turn.tally.published for turn in said.turns} == {
        day: count for day, count in told.items() if count
    }
    assert [turn.day.day for turn in said.turns] == [28, 29, 30, 31]


async def test_the_day_that_is_foretold_is_the_next_one_where_none_is_asked_for(rig: Rig) -> None:
    service = await Service.on(rig)
    await service.handle(service.append(SENDER.day("2026-05-26")))
    said = await foretold(rig)
    assert said.as_json() == {"day": "2026-05-26", "until": "2026-05-27", "days": [], "digest": "0" * 64}


@pytest.mark.parametrize("until", [date(2026, 5, 26), date(2020, 1, 1)])
async def test_a_day_that_has_begun_cannot_be_foretold(rig: Rig, until: date) -> None:
    service = await Service.on(rig)
    await service.handle(service.append(SENDER.day("2026-05-26")))
    with pytest.raises(UnusableSelection, match="has begun: the installation's day is 2026-05-26"):
        await foretold(rig, until)


async def test_t3_before_the_first_day_nothing_can_be_foretold(rig: Rig) -> None:
    with pytest.raises(DayUnknown):
        await foretold(rig)
