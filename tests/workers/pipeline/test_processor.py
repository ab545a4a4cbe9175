"""A batch on a real database: what cannot be read is found, what passes is waited for, what is not ours is left."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from prometheus_client import REGISTRY

from handlers.world.changes import Outcome
from infra.errors import Fenced
from infra.postgres.locks import Lock
from infra.postgres.offsets import take_ownership
from schemas.topics import VARDVAL_LISTING
from tests.harness.consumer_record import ConsumerRecord
from tests.harness.waiting import until
from tests.workers.fixtures import Rig, proxied, worker
from tests.workers.pipeline.listing_records import day, dead, listing, listings, stored_offset
from workers.health import Health
from workers.pipeline import facts
from workers.pipeline.assignment import Assignment
from workers.pipeline.inbound import InboundRecord
from workers.pipeline.processor import BatchProcessor
from workers.pipeline.route import Route
from workers.routes import ROUTES
from workers.runtime import Runtime


async def test_what_cannot_be_read_is_dead_lettered_and_the_batch_goes_on(rig: Rig) -> None:
    assigned = await listings(rig)
    await assigned.handle(
        [
            ConsumerRecord(VARDVAL_LISTING, 0, 0, b"{"),
            listing(1),
            ConsumerRecord(VARDVAL_LISTING, 0, 2, b"[]", key=None),
        ]
    )
    assert Counter(code for _, code, _ in await dead(rig.pg)) == {"invalid_json": 1, "invalid_envelope": 1}
    assert (await stored_offset(rig.pg), await rig.pg.fetchval("SELECT count(*) FROM patient")) == (3, 1)


async def test_an_outage_is_waited_for(rig: Rig) -> None:
    assigned = await listings(rig)
    pg = rig.pg
    await pg.execute("SELECT pg_advisory_lock($1, 0)", Lock.REFERENCE_DATA)
    task = asyncio.create_task(assigned.handle([listing(0)]))
    waits = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    for _ in range(2):  # its connection is cut twice in the middle of a batch

        async def cut() -> bool:
            return bool(await pg.fetch(waits))

        await until(cut, what="the batch to wait for the lock")
    await pg.execute("SELECT pg_advisory_unlock($1, 0)", Lock.REFERENCE_DATA)
    await task
    assert (await stored_offset(pg), await dead(pg)) == (1, [])


@pytest.mark.parametrize("name", ["listing", "clock"])
async def test_a_batch_whose_partition_stops_meanwhile_is_left_and_its_records_are_at_no_fault(
    rig: Rig, name: str
) -> None:
    """As where retention removes what lies behind it."""
    assigned, pg = await worker(rig, name, partitions=[0]), rig.pg
    record = listing(0) if name == "listing" else day(0)
    await pg.execute("SELECT pg_advisory_lock($1, 0)", Lock.REFERENCE_DATA)
    task = asyncio.create_task(assigned.handle([record]))

    async def waits() -> bool:
        return bool(await pg.fetch("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))

    await until(waits, what="the batch to wait for the lock")
    assigned.assignment.stop(0)
    rig.runtime.health.report(assigned.assignment.component(0), "stopped: why")
    await pg.execute("SELECT pg_advisory_unlock($1, 0)", Lock.REFERENCE_DATA)
    await task
    await assigned.drained()
    assert (await stored_offset(pg), await dead(pg)) == (0, [])
    assert any("stopped: why" in reason for reason in rig.runtime.health.reasons())


async def test_before_the_first_day_everything_waits(rig: Rig) -> None:
    assigned = await listings(rig)
    health, pg = rig.runtime.health, rig.pg
    await pg.execute("UPDATE day SET day = NULL")
    task = asyncio.create_task(assigned.handle([listing(0)]))

    async def says_so() -> bool:
        return any("first day" in reason for reason in health.reasons())

    await until(says_so, what="readiness to tell")
    assert await stored_offset(pg) == 0
    await pg.execute("UPDATE day SET day = '2026-05-26'")
    await task
    assert await stored_offset(pg) == 1
    assert health.reasons() == []


async def test_partitions_of_another_process_are_dropped_and_the_rest_handled(rig: Rig) -> None:
    assigned = await listings(rig)
    await take_ownership(rig.pg, VARDVAL_LISTING, {1: 0})
    await assigned.handle([listing(0), listing(0, partition=1)])
    assert (await stored_offset(rig.pg, 0), await stored_offset(rig.pg, 1)) == (1, 0)
    assert assigned.positions.keys() == {0}


async def test_a_record_handled_before_is_not_handled_again(rig: Rig) -> None:
    assigned = await listings(rig)
    await assigned.handle([listing(0, 1)])
    await assigned.handle([listing(0, 2), listing(1, 3)])
    assert await rig.pg.fetchval("SELECT sequence FROM patient") == 3
    assert await stored_offset(rig.pg) == 2


async def test_a_commit_whose_answer_was_lost_is_noticed_and_not_made_again(rig: Rig) -> None:
    async with proxied(rig) as (behind_proxy, proxy):
        assigned = await listings(behind_proxy)
        proxy.lose(b"COMMIT\0")
        await assigned.handle([listing(0, 1)])
        assert proxy.has_lost
        await assigned.handle([listing(0, 1), listing(1, 2)])
        await assigned.drained()
    applied = await rig.pg.fetchval("SELECT sequence FROM patient")
    assert (await stored_offset(rig.pg), assigned.positions[0].next_offset, applied) == (2, 2, 2)


async def test_an_outage_while_a_fence_that_held_is_looked_into_is_waited_for(rig: Rig) -> None:
    """The connection that loses the answer to a commit seldom is the only one."""
    pg, fenced = rig.pg, asyncio.Event()

    async def commit(*args: Any) -> None:
        if not fenced.is_set():
            fenced.set()
            await pg.execute("BEGIN; LOCK TABLE consumer_offset")
            raise Fenced("where the offset stands is not known")
        await facts.commit(*args)

    assigned = await worker(rig, "listing", partitions=[0], commit=commit)
    task = asyncio.create_task(assigned.handle([listing(0)]))
    waits = """
        SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = 'consumer_offset'::regclass AND NOT granted
    """

    async def cut() -> bool:
        return fenced.is_set() and bool(await pg.fetch(waits))

    await until(cut, what="the position to be asked for")
    await pg.execute("ROLLBACK")
    await task
    await assigned.drained()
    assert (await stored_offset(pg), assigned.positions[0].next_offset) == (1, 1)


async def test_an_offset_that_went_back_gives_the_partition_up(rig: Rig) -> None:
    """Going on from there would pass over what lies between."""
    assigned = await listings(rig)
    await assigned.handle([listing(0, 1), listing(1, 2)])
    await rig.pg.execute("UPDATE consumer_offset SET next_offset = 1")
    await assigned.handle([listing(2, 3)])
    assert (await stored_offset(rig.pg), assigned.positions.keys() & {0}, set(assigned.assignment.fenced)) == (
        1,
        set(),
        {0},
    )


async def test_a_partition_that_hangs_is_told_of_though_another_gets_on(rig: Rig) -> None:
    now, pg = 1000.0, rig.pg
    health = Health(clock=lambda: now)
    rig = Rig(replace(rig.runtime, health=health), pg)
    assigned = await worker(rig, "listing", in_flight=2)
    async with pg.transaction():
        await pg.execute("SELECT FROM consumer_offset WHERE partition = 0 FOR UPDATE")
        await assigned.handle([listing(0)])
        now += 61
        await assigned.handle([listing(0, 2, partition=1)])
        assert health.reasons() == [f"{VARDVAL_LISTING}/0: no progress for 61 s"]
    await assigned.drained()
    assert health.reasons() == []
    now += 61  # nothing to do is not a reason
    assert health.reasons() == []


async def test_an_outage_of_one_partition_is_told_until_it_has_passed_though_others_get_on(rig: Rig) -> None:
    now, pg = 1000.0, rig.pg
    health = Health(clock=lambda: now)
    rig = Rig(replace(rig.runtime, health=health), pg)
    mended = asyncio.Event()

    async def commit(route: Route, runtime: Runtime, assignment: Assignment, batch: list[InboundRecord]) -> None:
        if batch[0].record.partition == 0 and not mended.is_set():
            raise ConnectionError

    assigned = await worker(rig, "listing", in_flight=2, commit=commit)
    await assigned.handle([listing(0)])
    await assigned.handle([listing(0, 2, partition=1)])

    async def ready() -> bool:
        nonlocal now
        now += 1
        return bool(health.reasons())

    await until(ready, what="readiness to tell")
    (reason,) = health.reasons()
    assert reason.startswith(f"{VARDVAL_LISTING}/0: ")
    assert "no progress" not in reason
    mended.set()
    await assigned.drained()
    assert health.reasons() == []


async def test_while_one_batch_waits_for_the_database_another_may_begin(rig: Rig) -> None:
    pg = rig.pg
    assigned = await worker(rig, "listing", in_flight=2)
    await pg.execute("SELECT pg_advisory_lock($1, 0)", Lock.REFERENCE_DATA)
    await assigned.handle([listing(0)])
    assert assigned.busy == {0}
    await pg.execute("SELECT pg_advisory_unlock($1, 0)", Lock.REFERENCE_DATA)
    await assigned.handle([listing(0, 2, partition=1)])
    await assigned.drained()
    assert assigned.busy == set()
    assert {partition: at.next_offset for partition, at in assigned.positions.items()} == {0: 1, 1: 1}


async def test_waiting_for_a_batch_ends_at_once_where_none_is_under_way(rig: Rig) -> None:
    assigned = await listings(rig)
    await assigned.assignment.in_flight.one_done()
    assert assigned.busy == set()


async def test_every_counter_of_a_topic_stands_at_0_before_its_first_record(rig: Rig) -> None:
    """Prometheus sees no increase in a counter that is born at 1."""
    BatchProcessor(replace(ROUTES["listing"], topic="never.read.v1"), rig.runtime)
    value = partial(REGISTRY.get_sample_value, "fastlakare_records_total")
    assert {value({"topic": "never.read.v1", "outcome": str(outcome)}) for outcome in Outcome} == {0.0}
