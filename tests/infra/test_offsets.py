"""The fence: only who owns a partition, and stands where it believes to stand, moves it on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from infra.database import connect
from infra.offsets import Fenced, Position, advance, claim, standing

TOPIC = "kiv.staff.v1"


@pytest.fixture
async def pg(migrated_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(migrated_url)
    yield connection
    await connection.close()


async def test_a_partition_never_read_begins_at_its_earliest_offset(pg: asyncpg.Connection) -> None:
    assert await claim(pg, TOPIC, {0: 0, 3: 17}) == {0: Position(1, 0), 3: Position(1, 17)}


async def test_whoever_takes_over_goes_on_where_the_other_stood_under_a_new_epoch(pg: asyncpg.Connection) -> None:
    held = await claim(pg, TOPIC, {0: 0})
    await advance(pg, TOPIC, held, {0: 5})
    assert await claim(pg, TOPIC, {0: 2}) == {0: Position(2, 5)}


async def test_another_epoch_is_fenced(pg: asyncpg.Connection) -> None:
    held = await claim(pg, TOPIC, {0: 0})
    await claim(pg, TOPIC, {0: 0})
    with pytest.raises(Fenced):
        await advance(pg, TOPIC, held, {0: 5})
    assert await standing(pg, TOPIC, [0]) == {0: Position(2, 0)}


async def test_another_offset_is_fenced(pg: asyncpg.Connection) -> None:
    held = await claim(pg, TOPIC, {0: 0})
    await advance(pg, TOPIC, held, {0: 5})
    with pytest.raises(Fenced):
        await advance(pg, TOPIC, held, {0: 6})


async def test_one_partition_of_another_fences_the_whole_batch(pg: asyncpg.Connection) -> None:
    held = await claim(pg, TOPIC, {0: 0, 1: 0})
    await claim(pg, TOPIC, {1: 0})
    with pytest.raises(Fenced):
        async with pg.transaction():
            await advance(pg, TOPIC, held, {0: 5, 1: 5})
    assert (await standing(pg, TOPIC, [0]))[0].next_offset == 0


async def test_topics_are_fenced_apart(pg: asyncpg.Connection) -> None:
    held = await claim(pg, TOPIC, {0: 0})
    await claim(pg, "kiv.unit.v1", {0: 0})
    await advance(pg, TOPIC, held, {0: 1})
    assert await standing(pg, TOPIC, [0, 1]) == {0: Position(1, 1)}
