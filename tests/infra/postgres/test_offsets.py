"""The fence: only who owns a partition, and stands where it believes to stand, moves it on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from infra.errors import Fenced
from infra.postgres.connection import connect
from infra.postgres.offsets import (
    LastRecord,
    Position,
    advance,
    mark_processed_ahead,
    read_last_records,
    read_positions,
    take_ownership,
    take_processed_ahead,
)
from tests.harness.waiting import until

TOPIC = "kiv.staff.v1"
#: the one topic whose records are processed out of order
COMMANDS = "listning.command.v1"


@pytest.fixture
async def pg(migrated_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(migrated_url)
    yield connection
    await connection.close()


async def test_a_partition_never_read_begins_at_its_earliest_offset(pg: asyncpg.Connection) -> None:
    assert await take_ownership(pg, TOPIC, {0: 0, 3: 17}) == {0: Position(1, 0), 3: Position(1, 17)}


async def test_whoever_takes_over_goes_on_where_the_other_stood_under_a_new_epoch(pg: asyncpg.Connection) -> None:
    positions = await take_ownership(pg, TOPIC, {0: 0})
    await advance(pg, TOPIC, positions, {0: 5})
    assert await take_ownership(pg, TOPIC, {0: 2}) == {0: Position(2, 5)}


async def test_another_epoch_is_fenced(pg: asyncpg.Connection) -> None:
    positions = await take_ownership(pg, TOPIC, {0: 0})
    await take_ownership(pg, TOPIC, {0: 0})
    with pytest.raises(Fenced):
        await advance(pg, TOPIC, positions, {0: 5})
    assert await read_positions(pg, TOPIC, [0]) == {0: Position(2, 0)}


async def test_another_offset_is_fenced(pg: asyncpg.Connection) -> None:
    positions = await take_ownership(pg, TOPIC, {0: 0})
    await advance(pg, TOPIC, positions, {0: 5})
    with pytest.raises(Fenced):
        await advance(pg, TOPIC, positions, {0: 6})


async def test_a_partition_that_was_given_up_meanwhile_fences_the_whole_batch(pg: asyncpg.Connection) -> None:
    """What raised otherwise would be taken for a failure of its records, and they for dead letters."""
    positions = await take_ownership(pg, TOPIC, {0: 0, 1: 0})
    del positions[1]
    with pytest.raises(Fenced):
        await advance(pg, TOPIC, positions, {0: 5, 1: 5})
    assert await read_positions(pg, TOPIC, [0, 1]) == {0: Position(1, 0), 1: Position(1, 0)}


async def test_the_record_handled_last_is_remembered_also_when_markers_are_passed(pg: asyncpg.Connection) -> None:
    positions = await take_ownership(pg, TOPIC, {0: 0, 1: 0})
    await advance(pg, TOPIC, positions, {0: 5}, {0: LastRecord(4, b"d")})
    await advance(pg, TOPIC, {0: Position(1, 5)}, {0: 7})
    assert await read_last_records(pg, TOPIC, [0, 1]) == {0: LastRecord(4, b"d")}
    assert await read_positions(pg, TOPIC, [0]) == {0: Position(1, 7)}


async def test_a_partition_that_an_operator_begins_anew_begins_at_its_earliest_offset(pg: asyncpg.Connection) -> None:
    positions = await take_ownership(pg, TOPIC, {0: 0})
    await advance(pg, TOPIC, positions, {0: 5}, {0: LastRecord(4, b"d")})
    await pg.execute("UPDATE consumer_offset SET next_offset = NULL")
    assert await read_positions(pg, TOPIC, [0]) == {}
    assert await take_ownership(pg, TOPIC, {0: 2}) == {0: Position(2, 2)}
    assert await read_last_records(pg, TOPIC, [0]) == {}


async def test_one_partition_of_another_fences_the_whole_batch(pg: asyncpg.Connection) -> None:
    positions = await take_ownership(pg, TOPIC, {0: 0, 1: 0})
    await take_ownership(pg, TOPIC, {1: 0})
    with pytest.raises(Fenced):
        async with pg.transaction():
            await advance(pg, TOPIC, positions, {0: 5, 1: 5})
    assert (await read_positions(pg, TOPIC, [0]))[0].next_offset == 0


async def test_topics_are_fenced_apart(pg: asyncpg.Connection) -> None:
    positions = await take_ownership(pg, TOPIC, {0: 0})
    await take_ownership(pg, "kiv.unit.v1", {0: 0})
    await advance(pg, TOPIC, positions, {0: 1})
    assert await read_positions(pg, TOPIC, [0, 1]) == {0: Position(1, 1)}


async def test_a_record_processed_ahead_is_marked_once_and_passed_over_once(pg: asyncpg.Connection) -> None:
    positions = await take_ownership(pg, COMMANDS, {0: 0, 1: 0})
    assert await mark_processed_ahead(pg, COMMANDS, 0, positions[0], [3, 5]) == {3, 5}
    assert await mark_processed_ahead(pg, COMMANDS, 0, positions[0], [4, 5]) == {4}
    assert await take_processed_ahead(pg, COMMANDS, {0: 3, 1: 9}) == set()
    assert await take_processed_ahead(pg, COMMANDS, {0: 5, 1: 9}) == {(0, 3), (0, 4)}
    assert await take_processed_ahead(pg, COMMANDS, {0: 6}) == {(0, 5)}
    assert await take_processed_ahead(pg, COMMANDS, {0: 6}) == set()


async def test_who_no_longer_owns_the_partition_marks_nothing(pg: asyncpg.Connection) -> None:
    positions = await take_ownership(pg, COMMANDS, {0: 0})
    await take_ownership(pg, COMMANDS, {0: 0})
    with pytest.raises(Fenced):
        await mark_processed_ahead(pg, COMMANDS, 0, positions[0], [3])
    assert await take_processed_ahead(pg, COMMANDS, {0: 9}) == set()


async def test_handling_ahead_waits_for_nothing_but_a_new_owner_waits_for_it(
    pg: asyncpg.Connection, migrated_url: str
) -> None:
    """Else the new owner could handle a record that the old one is just handling."""
    positions = await take_ownership(pg, COMMANDS, {0: 0})
    file, new = await connect(migrated_url), await connect(migrated_url)
    async with file.transaction():
        await advance(file, COMMANDS, positions, {0: 1})
        await asyncio.wait_for(mark_processed_ahead(pg, COMMANDS, 0, positions[0], [1]), 10)
    async with pg.transaction():
        await mark_processed_ahead(pg, COMMANDS, 0, positions[0], [2])
        taking = asyncio.create_task(take_ownership(new, COMMANDS, {0: 0}))

        async def waits() -> bool:
            return bool(await file.fetch("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))

        await until(waits, what="the new owner to wait")
        assert not taking.done()
    assert await taking == {0: Position(2, 1)}
    assert await take_processed_ahead(new, COMMANDS, {0: 3}) == {(0, 1), (0, 2)}
    await file.close()
    await new.close()
