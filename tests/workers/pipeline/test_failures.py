"""A record that fails, a release that does, a database or an installation: what is dead-lettered, and what is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg
import pytest
from prometheus_client import REGISTRY

from infra.postgres.outbox import unpack
from infra.version import version
from schemas.topics import VARDVAL_LISTING
from tests.harness.consumer_record import ConsumerRecord
from tests.harness.waiting import until
from tests.workers.fixtures import Rig
from tests.workers.pipeline.listing_records import POISON, Breaking, dead, listing, listings, stored_offset
from workers.pipeline.dead_letters import MOST_FAILED
from workers.pipeline.inbound import decode
from workers.pipeline.processor import BatchProcessor
from workers.routes import ROUTES
from workers.runtime import Limits

SLOW_PATIENT = """
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN IF NEW.sequence = 77 THEN PERFORM pg_sleep(3); END IF; RETURN NEW; END $$;
CREATE TRIGGER slow BEFORE INSERT OR UPDATE ON patient FOR EACH ROW EXECUTE FUNCTION slow();
"""


@asynccontextmanager
async def statement_timeout(rig: Rig, timeout: str) -> AsyncIterator[None]:
    """Every new session of the role gives up on a statement that takes so long."""
    role = await rig.pg.fetchval("SELECT current_user")
    await rig.pg.execute(f"ALTER ROLE {role} SET statement_timeout = '{timeout}'")
    try:
        yield
    finally:
        await rig.pg.execute(f"ALTER ROLE {role} RESET statement_timeout")


async def retried(times: int) -> None:
    """Returns when batches of listings were tried again so many times more."""

    def count() -> float:
        return REGISTRY.get_sample_value("fastlakare_batch_retries_total", {"topic": VARDVAL_LISTING}) or 0

    before = count()

    async def enough() -> bool:
        return count() >= before + times

    await until(enough, what=f"{times} retries")


def slow_listing(offset: int) -> ConsumerRecord:
    """One that the database takes seconds to save."""
    return listing(offset, 77)


@pytest.mark.parametrize("where", ["deciding", "saving", "telling", "telling too much"])
async def test_the_record_that_fails_is_found_and_dead_lettered_alone(rig: Rig, where: str) -> None:
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
    assert detail.startswith(b"RuntimeError at listing_records.py:")
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
    await rig.pg.execute("UPDATE release_guard SET release = 'the one before'")

    await (await listings(rig, Breaking())).handle([listing(20, POISON), listing(21, 5)])

    assert len(await dead(rig.pg)) == 21
    assert await stored_offset(rig.pg) == 22


async def test_a_right_that_is_missing_for_a_while_dead_letters_nothing(rig: Rig) -> None:
    await rig.pg.execute("ALTER TABLE patient RENAME TO patients")
    assigned = await listings(rig)

    handling = asyncio.create_task(assigned.handle([listing(0), listing(1, 2)]))
    await retried(2)
    assert not handling.done()
    await rig.pg.execute("ALTER TABLE patients RENAME TO patient")
    await handling

    assert await dead(rig.pg) == []
    assert await stored_offset(rig.pg) == 2


async def test_a_batch_that_takes_the_database_too_long_is_halved_and_one_that_does_is_dead_lettered(rig: Rig) -> None:
    await rig.pg.execute(SLOW_PATIENT)
    assigned = await listings(rig)
    async with statement_timeout(rig, "500ms"):
        await assigned.handle([listing(0, 1), slow_listing(1), listing(2, 3)])

    assert [(offset, code) for offset, code, _ in await dead(rig.pg)] == [("1", "handler_failed")]
    assert await rig.pg.fetchval("SELECT sequence FROM patient") == 3
    assert await stored_offset(rig.pg) == 3


@pytest.mark.parametrize("table", ["patient", "consumer_offset"])
async def test_a_lock_that_others_hold_buries_nobody_however_short_statements_must_be(rig: Rig, table: str) -> None:
    owned = await listings(rig)
    async with statement_timeout(rig, "100ms"):
        async with rig.pg.transaction():
            await rig.pg.execute(f"LOCK TABLE {table}")
            handling = asyncio.create_task(owned.handle([listing(0), listing(1, 2)]))
            await retried(5)  # and so more often than a batch that is to be halved
            assert not handling.done()
        await handling

    assert await dead(rig.pg) == []
    assert (await stored_offset(rig.pg), owned.positions[0].next_offset) == (2, 2)


async def test_where_the_database_takes_not_even_the_dead_letter_in_time_the_record_is_tried_again(rig: Rig) -> None:
    """Whatever it is made of, it is at no fault then."""
    assigned = await listings(rig)
    processor = BatchProcessor(ROUTES["listing"], rig.runtime)
    inbound = decode(VARDVAL_LISTING, listing(0))
    too_long = asyncpg.QueryCanceledError("canceling statement due to statement timeout")

    condemned = []
    for _ in range(2):
        assert not processor._judge(assigned.assignment, inbound, too_long)
        condemned.append(inbound.dead_letter_reason is not None)
    assert (condemned, assigned.assignment.stopped) == ([True, False], set())


async def test_a_record_that_cannot_be_read_is_tried_again_as_one(rig: Rig) -> None:
    """Else it would be handed to a handler, and dead-lettered as a failure of ours."""
    assigned = await listings(rig)
    processor = BatchProcessor(ROUTES["listing"], rig.runtime)
    inbound = decode(VARDVAL_LISTING, ConsumerRecord(VARDVAL_LISTING, 0, 0, b"{"))
    unreadable = inbound.dead_letter_reason

    for _ in range(2):
        assert not processor._judge(assigned.assignment, inbound, asyncpg.QueryCanceledError("too long"))

    assert inbound.dead_letter_reason == unreadable is not None


async def test_a_statement_whose_plan_is_out_of_date_is_tried_again(rig: Rig) -> None:
    assigned = await listings(rig)
    await assigned.handle([listing(0)])

    await rig.pg.execute("ALTER TABLE consumer_offset ALTER COLUMN partition TYPE bigint")
    await assigned.handle([listing(1, 2)])

    assert await dead(rig.pg) == []
    assert await rig.pg.fetchval("SELECT sequence FROM patient") == 2


@pytest.mark.parametrize(("most", "outcome"), [(2, []), (0, [("0", "handler_failed", "2")])])
async def test_what_asks_for_too_much_is_halved_and_alone_it_may_ask_for_more_or_is_dead_lettered(
    rig: Rig, most: int, outcome: list[tuple[str, str, str]]
) -> None:
    """Whatever one record asks for, it must not stop a partition for ever."""
    limited = replace(rig.runtime, limits=Limits(of_batch=0, of_record=most))
    assigned = await listings(Rig(limited, rig.pg))
    await assigned.handle([listing(0, 1), listing(1, 2)] if not outcome else [listing(0, 1)])
    assert await dead(rig.pg) == outcome
    assert await stored_offset(rig.pg) == (1 if outcome else 2)
