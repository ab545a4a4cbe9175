"""Commands behind a file in their partition: others' go ahead of it, its own unit's wait, and none is handled twice."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from infra.postgres.connection import connect
from infra.postgres.inbox import remember
from infra.postgres.offsets import Position, mark_processed_ahead, read_positions, take_ownership
from schemas.topics import LISTNING_COMMAND
from tests.harness.consumer_record import ConsumerRecord
from tests.harness.waiting import until
from tests.workers.fixtures import Rig, Worker, proxied, worker
from tests.workers.pipeline.command_records import OTHER, UNIT, file, replies, resume
from workers.pipeline.inbound import decode
from workers.pipeline.processor import BatchProcessor
from workers.routes import ROUTES


async def commands(rig: Rig) -> Worker:
    return await worker(rig, "command")


async def marks(pg: asyncpg.Connection) -> list[int]:
    return [row[0] for row in await pg.fetch("SELECT record_offset FROM processed_ahead ORDER BY record_offset")]


async def after(assigned: Worker, pg: asyncpg.Connection, records: list[ConsumerRecord], number: int) -> list[int]:
    """Hands the records over while the partition's offset is locked; which are marked once there are so many
    replies."""

    async def answered() -> bool:
        return await replies(pg) >= number

    async with pg.transaction():
        await pg.execute("SELECT FROM consumer_offset WHERE partition = 0 FOR UPDATE")
        await assigned.handle(records)
        await until(answered, what="the replies")
        return await marks(pg)


async def test_what_takes_long_in_one_partition_delays_no_other_that_was_fetched_with_it(rig: Rig) -> None:
    assigned, pg = await commands(rig), rig.pg
    async with pg.transaction():
        await pg.execute("SELECT FROM consumer_offset WHERE partition = 0 FOR UPDATE")
        await assigned.handle([resume(0), resume(0, partition=1), resume(1), resume(1, partition=1)])
        await assigned.assignment.in_flight.one_done()
        assert assigned.busy == {0}
        assert assigned.positions[1].next_offset == 2
    await assigned.drained()
    assert {partition: at.next_offset for partition, at in assigned.positions.items()} == {0: 2, 1: 2}


async def test_others_commands_are_answered_before_the_file_that_lies_before_them(rig: Rig) -> None:
    assigned, pg = await commands(rig), rig.pg
    assert await after(assigned, pg, [file(0), resume(1), resume(2)], 2) == [1, 2]
    await assigned.drained()
    assert (await replies(pg), await marks(pg), assigned.positions[0].next_offset) == (3, [], 3)


async def test_commands_that_come_while_the_file_is_in_hand_go_ahead_as_well(rig: Rig) -> None:
    assigned, pg = await commands(rig), rig.pg

    async def later() -> bool:
        return await replies(pg) == 2

    async with pg.transaction():
        await pg.execute("SELECT FROM consumer_offset WHERE partition = 0 FOR UPDATE")
        for records in ([file(0)], [resume(1)], [resume(2)]):
            await assigned.handle(records)
            assert 0 not in assigned.busy
        await until(later, what="two replies")
    await assigned.drained()
    assert (await replies(pg), await marks(pg), assigned.positions[0].next_offset) == (3, [], 3)


@pytest.mark.parametrize(("unit", "key"), [(UNIT, None), (UNIT, OTHER), (OTHER, UNIT)])
async def test_what_has_the_files_unit_or_key_keeps_its_turn_and_so_does_what_lies_behind_it(
    rig: Rig, unit: str, key: str | None
) -> None:
    assigned, pg = await commands(rig), rig.pg
    third = "SE2321000131-E000000000003"
    records = [file(0), resume(1, unit, key=key), resume(2, unit), resume(3, third)]
    assert await after(assigned, pg, records, 1) == [3]
    await assigned.drained()
    assert (await replies(pg), await marks(pg), assigned.positions[0].next_offset) == (4, [], 4)


async def test_what_cannot_be_read_keeps_its_turn_and_so_do_others_of_its_key(rig: Rig) -> None:
    assigned, pg = await commands(rig), rig.pg
    broken = ConsumerRecord(LISTNING_COMMAND, 0, 1, b"{", key=OTHER.encode())
    third = "SE2321000131-E000000000003"
    assert await after(assigned, pg, [file(0), broken, resume(2), resume(3, third)], 1) == [3]
    await assigned.drained()
    assert (await replies(pg), await marks(pg), assigned.positions[0].next_offset) == (4, [], 4)


async def test_the_next_owner_passes_over_what_was_processed_ahead(rig: Rig) -> None:
    first, pg = await commands(rig), rig.pg
    records = [file(0), resume(1), resume(2, UNIT)]
    async with pg.transaction():
        await pg.execute("SELECT FROM consumer_offset WHERE partition = 0 FOR UPDATE")
        await first.handle(records)

        async def marked() -> bool:
            return await marks(pg) == [1]

        await until(marked, what="the mark")
        await pg.execute("UPDATE consumer_offset SET epoch = epoch + 1 WHERE partition = 0")  # as `take_ownership` does
    await first.drained()
    assert (await replies(pg), 0 in first.positions) == (1, False)
    second = await commands(rig)
    await second.handle(records)
    await second.drained()
    assert (await replies(pg), await marks(pg), second.positions[0].next_offset) == (3, [], 3)


async def test_who_has_lost_the_partition_handles_nothing_ahead(rig: Rig) -> None:
    first, pg = await commands(rig), rig.pg
    await take_ownership(pg, LISTNING_COMMAND, {0: 0})
    await first.handle([file(0), resume(1)])
    await first.drained()
    assert (await replies(pg), await marks(pg)) == (0, [])
    assert await read_positions(pg, LISTNING_COMMAND, [0]) == {0: Position(2, 0)}


async def test_what_was_committed_ahead_though_the_answer_was_lost_is_not_answered_twice_in_its_turn(rig: Rig) -> None:
    async with proxied(rig) as (behind_proxy, proxy):
        assigned, pg = await commands(behind_proxy), rig.pg
        proxy.lose(b"COMMIT\0")
        assert await after(assigned, pg, [file(0), resume(1), resume(2, "SE2321000131-E000000000003")], 2) == [1, 2]
        await assigned.drained()
        assert proxy.has_lost
    assert (await replies(pg), await marks(pg), assigned.positions[0].next_offset) == (3, [], 3)


async def fail_first_insert(pg: asyncpg.Connection, table: str) -> None:
    """PostgreSQL refuses the first row that is inserted."""
    await pg.execute("CREATE SEQUENCE inserts")
    await pg.execute("""
        CREATE FUNCTION fail_first() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN IF nextval('inserts') = 1 THEN RAISE 'injected'; END IF; RETURN NEW; END $$""")
    await pg.execute(f"CREATE TRIGGER t AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION fail_first()")


async def inserts(pg: asyncpg.Connection) -> int:
    """How many rows were inserted, the refused one included."""
    number: int = await pg.fetchval("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM inserts")
    return number


async def test_what_failed_ahead_is_not_tried_ahead_again(rig: Rig) -> None:
    assigned, pg = await commands(rig), rig.pg
    await fail_first_insert(pg, "command")

    async def tried() -> bool:
        return await inserts(pg) == 1

    async def answered() -> bool:
        return await replies(pg) == 1

    async with pg.transaction():
        await pg.execute("SELECT FROM consumer_offset WHERE partition = 0 FOR UPDATE")
        await assigned.handle([file(0), resume(1)])
        await until(tried, what="the first try")
        await assigned.handle([resume(2), resume(3, "SE2321000131-E000000000003")])
        await until(answered, what="the reply to the other")
        assert (await inserts(pg), await marks(pg)) == (2, [3])
    await assigned.drained()
    assert (await replies(pg), assigned.positions[0].next_offset) == (4, 4)


async def test_what_may_still_be_committing_ahead_is_waited_for_and_not_answered_twice(
    rig: Rig, migrated_url: str
) -> None:
    """Its answer was lost, so it is taken for failed."""
    assigned, pg = await commands(rig), rig.pg
    straggler = await connect(migrated_url)
    tried = decode(LISTNING_COMMAND, resume(0))
    tried.must_wait_its_turn = True

    async def waits() -> bool:
        return bool(await pg.fetch("SELECT FROM pg_locks WHERE NOT granted"))

    async with straggler.transaction():
        await mark_processed_ahead(straggler, LISTNING_COMMAND, 0, assigned.positions[0], [0])
        await remember(straggler, [(tried.cause.source, tried.cause.id)])
        turn = asyncio.create_task(BatchProcessor(ROUTES["command"], rig.runtime).apply(assigned.assignment, [tried]))
        await until(waits, what="the turn to wait")
    await turn
    await straggler.close()
    assert (await replies(pg), await marks(pg), assigned.positions[0].next_offset) == (0, [], 1)


async def test_a_command_again_is_answered_again_also_ahead(rig: Rig) -> None:
    assigned, pg = await commands(rig), rig.pg
    await assigned.handle([resume(0)])
    await assigned.drained()
    again = resume(0)
    twice = ConsumerRecord(again.topic, 0, 2, again.value, again.key)
    assert await after(assigned, pg, [file(1), twice], 2) == [2]
    await assigned.drained()
    assert (await replies(pg), assigned.positions[0].next_offset) == (3, 3)
