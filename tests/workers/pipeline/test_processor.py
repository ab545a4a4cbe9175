"""A batch on a real database: what is poison is found and buried, what passes is waited for, what is not ours left."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

import asyncpg
import pytest
from prometheus_client import REGISTRY

from handlers import listing as listing_handler
from handlers.world import Choice, Needs, World
from handlers.world.changes import Cause, LinkChange, Outcome
from infra.postgres.locks import Lock
from infra.postgres.offsets import take_ownership
from infra.postgres.outbox import unpack
from infra.version import version
from schemas.listing import ListingState
from schemas.topics import LISTNING_CLOCK, VARDVAL_LISTING
from tests.harness.consumer_record import ConsumerRecord
from tests.harness.waiting import until
from tests.workers.fixtures import Rig, Worker, message, proxied, worker
from workers.health import Health
from workers.pipeline.assignment import Assignment
from workers.pipeline.dead_letters import MOST_FAILED
from workers.pipeline.inbound import InboundRecord
from workers.pipeline.processor import BatchProcessor
from workers.pipeline.route import Route
from workers.routes import ROUTES
from workers.runtime import Limits, Runtime

POISON = 666


class Breaking:
    """Decides like the real handler, but fails on the sequence POISON: in itself, or so that the database refuses, or
    so that no event can be made."""

    def __init__(self, where: str = "deciding") -> None:
        self._where = where

    def needs(self, event: ListingState, world: World, cause: Cause) -> Needs:
        return listing_handler.needs(event, world, cause)

    def decide(self, event: ListingState, world: World, cause: Cause) -> Outcome:
        outcome = listing_handler.decide(event, world, cause)
        if event.sequence == POISON:
            patient = world.patients[int(event.patient_id)]
            if self._where == "deciding":
                raise RuntimeError(event.patient_id)
            if self._where == "saving":
                patient.current = Choice("\0", date.max)  # a failing constraint would name the patient in the log
            else:
                value = {"said": object() if self._where == "telling" else "x" * 2_000_000}
                about = (patient.id, patient.key, patient.partition, 1)
                world.changes.record(LinkChange(*about, "assigned", "linked_by_unit", None, None, value, cause))
        return outcome


async def listings(rig: Rig, handler: Any = None) -> Worker:
    if handler is None:
        return await worker(rig, "listing", in_flight=1)
    return await worker(rig, "listing", in_flight=1, handlers={ListingState: handler})


def listing(offset: int, sequence: int = 1, *, partition: int = 0) -> ConsumerRecord:
    data = {"patient_id": "199006022397", "sequence": sequence}
    return message(VARDVAL_LISTING, offset, "se.vgregion.vardval.listing.v1", data, partition=partition)


SLOW_PATIENT = """
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN IF NEW.sequence = 77 THEN PERFORM pg_sleep(3); END IF; RETURN NEW; END $$;
CREATE TRIGGER slow BEFORE INSERT OR UPDATE ON patient FOR EACH ROW EXECUTE FUNCTION slow();
"""


def slow_listing(offset: int) -> ConsumerRecord:
    """One that the database takes seconds to save."""
    return listing(offset, 77)


def day(offset: int) -> ConsumerRecord:
    return message(LISTNING_CLOCK, offset, "se.vgregion.listning.day-began.v1", {"day": "2026-05-27"})


async def dead(pg: asyncpg.Connection) -> list[tuple[str, str, str]]:
    """Offset, code and attempts of every dead letter."""
    found = []
    for (packed,) in await pg.fetch("SELECT headers FROM outbox ORDER BY shard, seq"):
        headers = {name: (value or b"").decode() for name, value in unpack(packed)}
        found.append((headers["dlq_offset"], headers["dlq_code"], headers["dlq_attempts"]))
    return found


async def stored_offset(pg: asyncpg.Connection, partition: int = 0) -> int:
    offset: int = await pg.fetchval("SELECT next_offset FROM consumer_offset WHERE partition = $1", partition)
    return offset


@pytest.mark.parametrize("where", ["deciding", "saving", "telling", "telling too much"])
async def test_the_record_that_fails_is_found_and_buried_alone(rig: Rig, where: str) -> None:
    assigned = await listings(rig, Breaking(where))
    sequences = [1, 2, 3, POISON, 4, 5, 6]
    await assigned.handle([listing(offset, sequence) for offset, sequence in enumerate(sequences)])
    assert await dead(rig.pg) == [("3", "handler_failed", "2")]
    assert await rig.pg.fetchval("SELECT sequence FROM patient") == 6
    assert await stored_offset(rig.pg) == 7


async def test_a_dead_letter_of_a_failure_names_no_patient(rig: Rig) -> None:
    assigned = await listings(rig, Breaking())
    await assigned.handle([listing(0, POISON)])
    (packed,) = await rig.pg.fetchrow("SELECT headers FROM outbox")
    detail = dict(unpack(packed))["dlq_detail"] or b""
    assert detail.startswith(b"RuntimeError at test_processor.py:")
    assert b"0602" not in detail


async def test_a_dead_letter_says_when_the_record_was_written_and_which_release_failed_how(rig: Rig) -> None:
    assigned = await listings(rig, Breaking())
    await assigned.handle([listing(0, POISON), ConsumerRecord(VARDVAL_LISTING, 0, 1, b"{", timestamp=-1)])
    letters = [
        dict(unpack(packed)) for (packed,) in await rig.pg.fetch("SELECT headers FROM outbox ORDER BY shard, seq")
    ]
    told = [(headers["dlq_timestamp"], headers["dlq_release"], headers.get("dlq_fingerprint")) for headers in letters]
    release = version().encode()
    failed = (str(listing(0).timestamp).encode(), release, b"RuntimeError in handlers.decide.decide_batch")
    assert sorted(told, key=str) == [(b"-1", release, None), failed]


async def test_a_bad_release_stops_before_it_drains_the_topic(rig: Rig) -> None:
    assigned = await listings(rig, Breaking())

    await assigned.handle([listing(offset, POISON) for offset in range(64)])

    assert len(await dead(rig.pg)) == MOST_FAILED == 20
    assert await stored_offset(rig.pg) == 20
    assert not await rig.pg.fetchval("SELECT count(*) FROM patient")


async def test_a_bad_release_stays_stopped_in_every_process_and_only_where_it_fails(rig: Rig) -> None:
    await (await listings(rig, Breaking())).handle([listing(offset, POISON) for offset in range(30)])

    again = await listings(rig, Breaking())
    await again.handle(
        [listing(20, POISON), listing(21, 5), listing(0, 6, partition=1), listing(1, POISON, partition=1)]
    )

    assert len(await dead(rig.pg)) == 20
    assert [await stored_offset(rig.pg, partition) for partition in (0, 1)] == [20, 1]
    assert await rig.pg.fetchval("SELECT sequence FROM patient") == 6
    assert again.positions == {}
    assert [reason.split(":")[0] for reason in rig.runtime.health.reasons()] == [
        f"{VARDVAL_LISTING}/{p}" for p in (0, 1)
    ]


async def test_another_release_or_an_operator_lets_a_stopped_partition_go_on(rig: Rig) -> None:
    await (await listings(rig, Breaking())).handle([listing(offset, POISON) for offset in range(30)])
    await rig.pg.execute("UPDATE handler_failure SET release = 'the one before'")

    await (await listings(rig, Breaking())).handle([listing(20, POISON), listing(21, 5)])

    assert len(await dead(rig.pg)) == 21
    assert await stored_offset(rig.pg) == 22


async def test_a_right_that_is_missing_for_a_while_buries_nothing(rig: Rig) -> None:
    await rig.pg.execute("ALTER TABLE patient RENAME TO patients")
    assigned = await listings(rig)

    handling = asyncio.create_task(assigned.handle([listing(0), listing(1, 2)]))
    await asyncio.sleep(0.3)
    assert not handling.done()
    await rig.pg.execute("ALTER TABLE patients RENAME TO patient")
    await handling

    assert await dead(rig.pg) == []
    assert await stored_offset(rig.pg) == 2


async def test_a_batch_that_takes_the_database_too_long_is_halved_and_a_record_that_does_is_buried(rig: Rig) -> None:
    await rig.pg.execute(SLOW_PATIENT)
    role = await rig.pg.fetchval("SELECT current_user")
    await rig.pg.execute(f"ALTER ROLE {role} SET statement_timeout = '500ms'")
    try:
        assigned = await listings(rig)
        await assigned.handle([listing(0, 1), slow_listing(1), listing(2, 3)])
    finally:
        await rig.pg.execute(f"ALTER ROLE {role} RESET statement_timeout")

    assert [(offset, code) for offset, code, _ in await dead(rig.pg)] == [("1", "handler_failed")]
    assert await rig.pg.fetchval("SELECT sequence FROM patient") == 3
    assert await stored_offset(rig.pg) == 3


async def test_a_statement_whose_plan_is_out_of_date_is_tried_again(rig: Rig) -> None:
    assigned = await listings(rig)
    await assigned.handle([listing(0)])

    await rig.pg.execute("ALTER TABLE consumer_offset ALTER COLUMN partition TYPE bigint")
    await assigned.handle([listing(1, 2)])

    assert await dead(rig.pg) == []
    assert await rig.pg.fetchval("SELECT sequence FROM patient") == 2


async def test_what_cannot_be_read_is_buried_and_the_batch_goes_on(rig: Rig) -> None:
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


@pytest.mark.parametrize(("most", "outcome"), [(2, []), (0, [("0", "handler_failed", "2")])])
async def test_what_asks_for_too_much_is_halved_and_alone_it_may_ask_for_more_or_is_buried(
    rig: Rig, most: int, outcome: list[tuple[str, str, str]]
) -> None:
    """Whatever one record asks for, it must not stop a partition for ever."""
    limited = replace(rig.runtime, limits=Limits(of_batch=0, of_record=most))
    assigned = await listings(Rig(limited, rig.pg))
    await assigned.handle([listing(0, 1), listing(1, 2)] if not outcome else [listing(0, 1)])
    assert await dead(rig.pg) == outcome
    assert await stored_offset(rig.pg) == (1 if outcome else 2)
