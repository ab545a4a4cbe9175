"""The guard of a topic against a bad release: at most so many letters in all, and stopped across restarts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from infra.postgres import release_guards
from infra.postgres.connection import connect
from infra.version import version
from schemas.topics import KIV_STAFF, VARDVAL_LISTING
from tests.workers.fixtures import Rig
from tests.workers.pipeline.listing_records import POISON, Breaking, dead, listing, listings
from tests.workers.pipeline.test_subscription import Fed
from workers.pipeline.dead_letters import MOST_FAILED


@asynccontextmanager
async def another(rig: Rig) -> AsyncIterator[asyncpg.Connection]:
    """A connection of another process."""
    pg = await connect(rig.runtime.settings.database_url.get_secret_value())
    try:
        yield pg
    finally:
        await pg.close()


async def stopped_by(rig: Rig, records: int = 30) -> None:
    """A release that stopped on partition 0."""
    await (await listings(rig, Breaking())).handle([listing(offset, POISON) for offset in range(records)])


async def restarted(rig: Rig) -> Fed:
    """A process of this release that was given the partition."""
    fed = Fed(rig.runtime)
    fed.consumer.end = 99
    await fed.subscription.on_partitions_assigned([fed.part])
    return fed


async def test_whoever_counts_waits_for_whoever_counted_before_so_no_letter_is_one_too_many(rig: Rig) -> None:
    """In two processes, which fail in different places."""
    async with another(rig) as other:
        first = rig.pg.transaction()
        await first.start()
        assert await release_guards.count_failure(rig.pg, VARDVAL_LISTING, "1") == 1
        second = asyncio.create_task(release_guards.count_failure(other, VARDVAL_LISTING, "1"))
        assert await release_guards.count_failure(rig.pg, KIV_STAFF, "1") == 1
        await first.commit()
        assert await second == 2


async def test_a_bad_release_makes_at_most_twenty_letters_in_all_however_it_fails_and_often_it_restarts(
    rig: Rig,
) -> None:
    for partition in (0, 1):
        for where in ("deciding", "telling", "telling too much"):
            restarted = await listings(rig, Breaking(where))
            begin = restarted.positions[partition].next_offset
            await restarted.handle([listing(offset, POISON, partition=partition) for offset in range(begin, begin + 7)])
    assert len(await dead(rig.pg)) == MOST_FAILED == 20


async def test_a_partition_that_a_bad_release_stopped_on_stays_stopped_after_a_restart(rig: Rig) -> None:
    await stopped_by(rig)

    fed = await restarted(rig)  # with handlers that would not fail

    assert (fed.assignment.positions, fed.assignment.stopped, fed.consumer.stands_still) == ({}, {0}, True)
    (reason,) = fed.runtime.health.reasons()
    assert reason.startswith(f"{VARDVAL_LISTING}/0: stopped at offset 20: more than 20 records")
    assert "A release fails on records" in reason


async def test_another_release_goes_on_where_a_bad_one_stopped(rig: Rig) -> None:
    await stopped_by(rig)
    await rig.pg.execute("UPDATE release_guard SET release = 'the one before'")

    fed = await restarted(rig)

    assert (fed.next_offset, fed.assignment.stopped) == (20, set())


async def test_a_guard_says_what_it_stopped_and_is_lifted_for_its_topic_alone(rig: Rig) -> None:
    await stopped_by(rig)
    await release_guards.stop(rig.pg, KIV_STAFF, "0.9", 1, "stopped at offset 3: x")
    await release_guards.stop(rig.pg, KIV_STAFF, "0.9", 0, "stopped at offset 4: y")
    await release_guards.count_failure(rig.pg, KIV_STAFF, "0.8")

    listings_guard, staff_guard = await release_guards.guards(rig.pg)
    assert (listings_guard.topic, listings_guard.release, listings_guard.records) == (VARDVAL_LISTING, version(), 20)
    assert (listings_guard.partitions, staff_guard.partitions) == ([0], [0, 1])
    assert staff_guard.why == "stopped at offset 4: y"
    assert await release_guards.guards(rig.pg, KIV_STAFF) == [staff_guard]

    await release_guards.lift(rig.pg, [listings_guard])
    assert await release_guards.guards(rig.pg) == [staff_guard]
    again = await listings(rig, Breaking())
    await again.handle([listing(20, POISON), listing(21, 5)])
    assert len(await dead(rig.pg)) == 21


async def test_a_process_goes_on_by_itself_when_the_guard_is_lifted(rig: Rig) -> None:
    await stopped_by(rig)
    fed = await restarted(rig)
    first = fed.assignment

    await fed.subscription._go_on_if_lifted(first)
    assert fed.assignment is first

    await release_guards.lift(rig.pg, await release_guards.guards(rig.pg))
    await fed.subscription._go_on_if_lifted(first)
    assert (fed.next_offset, fed.assignment.guarded, fed.consumer.stands_still) == (20, set(), False)
    assert fed.runtime.health.reasons() == []
    await fed.subscription._go_on_if_lifted(first)  # as if it had looked meanwhile
    await fed.handle(listing(20, 5))
    await fed.drained()
    assert fed.next_offset == 21
    assert fed.failures == []


@pytest.mark.parametrize("revoked", [False, True])
async def test_where_the_partition_goes_away_meanwhile_its_next_owner_stops(rig: Rig, revoked: bool) -> None:
    await (await listings(rig, Breaking())).handle([listing(offset, POISON) for offset in range(20)])
    assigned = await listings(rig, Breaking())
    assigned.assignment.revoked = revoked
    await assigned.handle([listing(20, POISON)])
    assert len(await release_guards.guards(rig.pg)) == (0 if revoked else 1)
    await (await listings(rig, Breaking())).handle([listing(20, POISON)])
    assert len(await release_guards.guards(rig.pg)) == 1
