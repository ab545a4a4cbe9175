"""A partition goes on where an operator says, and nobody who had it can save anything any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from infra.errors import Fenced
from infra.postgres import release_guards
from infra.postgres.connection import connect
from infra.postgres.offsets import LastRecord, Position, advance, mark_processed_ahead, take_ownership
from infra.postgres.partitions import StoredPosition, go_on, guarded, positions
from tests.harness.waiting import until

TOPIC = "kiv.staff.v1"
COMMANDS = "listning.command.v1"


@pytest.fixture
async def pg(migrated_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(migrated_url)
    yield connection
    await connection.close()


async def handled(pg: asyncpg.Connection, topic: str) -> dict[int, Position]:
    """Partition 3 of the topic, of which ten offsets are handled."""
    owned = await take_ownership(pg, topic, {3: 0})
    await advance(pg, topic, owned, {3: 10}, {3: LastRecord(9, b"digest")})
    return {3: Position(1, 10)}


async def test_a_partition_is_told_as_it_stands(pg: asyncpg.Connection) -> None:
    await handled(pg, TOPIC)
    await take_ownership(pg, COMMANDS, {0: 7})
    assert await positions(pg) == {
        (TOPIC, 3): StoredPosition(1, 10, LastRecord(9, b"digest")),
        (COMMANDS, 0): StoredPosition(1, 7, None),
    }


async def test_it_begins_at_the_earliest_offset_there_is_and_whoever_had_it_is_fenced(pg: asyncpg.Connection) -> None:
    owned = await handled(pg, TOPIC)
    assert await go_on(pg, TOPIC, 3, (await positions(pg))[TOPIC, 3], None)
    assert await positions(pg) == {(TOPIC, 3): StoredPosition(2, None, None)}
    with pytest.raises(Fenced):
        await advance(pg, TOPIC, owned, {3: 11})
    assert await take_ownership(pg, TOPIC, {3: 20}) == {3: Position(3, 20)}


async def test_it_begins_at_the_offset_that_is_named(pg: asyncpg.Connection) -> None:
    await handled(pg, TOPIC)
    assert await go_on(pg, TOPIC, 3, (await positions(pg))[TOPIC, 3], 15)
    assert await take_ownership(pg, TOPIC, {3: 0}) == {3: Position(3, 15)}


@pytest.mark.parametrize("moved", ["another offset", "another epoch"])
async def test_nothing_is_done_where_a_process_has_had_it_since_it_was_seen(pg: asyncpg.Connection, moved: str) -> None:
    owned = await handled(pg, TOPIC)
    seen = (await positions(pg))[TOPIC, 3]
    if moved == "another offset":
        await advance(pg, TOPIC, owned, {3: 11})
    else:
        await take_ownership(pg, TOPIC, {3: 0})
    before = await positions(pg)
    assert not await go_on(pg, TOPIC, 3, seen, None)
    assert await positions(pg) == before


@pytest.mark.parametrize(("to", "left"), [(None, []), (12, [13])])
async def test_marks_of_commands_that_are_read_again_or_never_more_are_forgotten(
    pg: asyncpg.Connection, to: int | None, left: list[int]
) -> None:
    owned = await handled(pg, COMMANDS)
    async with pg.transaction():
        await mark_processed_ahead(pg, COMMANDS, 3, owned[3], [11, 13])
    async with pg.transaction():
        await go_on(pg, COMMANDS, 3, (await positions(pg))[COMMANDS, 3], to)
    assert [row[0] for row in await pg.fetch("SELECT record_offset FROM processed_ahead")] == left


async def test_a_command_that_is_processed_out_of_order_is_waited_for(
    pg: asyncpg.Connection, migrated_url: str
) -> None:
    owned = await handled(pg, COMMANDS)
    seen = (await positions(pg))[COMMANDS, 3]
    sleeping = await connect(migrated_url)
    try:
        transaction = sleeping.transaction()
        await transaction.start()
        await mark_processed_ahead(sleeping, COMMANDS, 3, owned[3], [11])

        async def move_on() -> bool:
            async with pg.transaction():
                return await go_on(pg, COMMANDS, 3, seen, None)

        moving = asyncio.create_task(move_on())

        async def waits() -> bool:
            found = await sleeping.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            return bool(found)

        await until(waits, what="it to wait")
        await transaction.commit()
        assert await moving
        assert await pg.fetch("SELECT FROM processed_ahead") == []
    finally:
        await sleeping.close()


async def test_releases_that_must_not_go_on_are_told_by_partition(pg: asyncpg.Connection) -> None:
    await release_guards.stop(pg, TOPIC, "1.0.0", 3, "stopped at offset 7: x")
    await release_guards.stop(pg, TOPIC, "1.0.1", 3, "stopped at offset 9: y")
    await release_guards.stop(pg, TOPIC, "1.0.1", 4, "stopped at offset 9: y")
    assert await guarded(pg) == {
        (TOPIC, 3): {"1.0.0": "stopped at offset 7: x", "1.0.1": "stopped at offset 9: y"},
        (TOPIC, 4): {"1.0.1": "stopped at offset 9: y"},
    }
