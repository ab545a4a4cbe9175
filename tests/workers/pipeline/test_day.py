"""Days that begin one after the other, and what they caused worked off in chunks (T4, T5)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date

import pytest

from handlers.world import Needs
from schemas.topics import LISTNING_CLOCK, VARDVAL_LISTING
from tests.harness.consumer_record import ConsumerRecord
from tests.workers.fixtures import Rig, Worker, message, rig_on, worker
from workers.pipeline import day as days
from workers.pipeline.inbound import decode
from workers.pipeline.transaction import Advance, transaction
from workers.routes import ROUTES
from workers.runtime import Limits

UNIT, OTHER = "SE2321000131-E000000000712", "SE2321000131-E000000000799"
PATIENTS = ("199006022389", "199006022397", "191212121212")


@pytest.fixture
async def rig(migrated_url: str) -> AsyncIterator[Rig]:
    async with rig_on(migrated_url) as rig:
        yield rig


async def turning(rig: Rig) -> Worker:
    return await worker(rig, "clock", [0])


def day(offset: int, began: str) -> ConsumerRecord:
    return message(LISTNING_CLOCK, offset, "se.vgregion.listning.day-began.v1", {"day": began})


async def listed(rig: Rig, upcoming: str) -> None:
    """Every patient moves to another unit on that day."""
    assigned = await worker(rig, "listing", [0], in_flight=1)
    choices = {
        "current": {"unit_hsa_id": UNIT, "valid_from": "2026-01-01"},
        "upcoming": {"unit_hsa_id": OTHER, "valid_from": upcoming},
    }
    type_ = "se.vgregion.vardval.listing.v1"
    await assigned.handle(
        [
            message(VARDVAL_LISTING, offset, type_, {"patient_id": patient, "sequence": 1, **choices})
            for offset, patient in enumerate(PATIENTS)
        ]
    )


async def linked(rig: Rig) -> None:
    """And has a doctor at the unit until then."""
    await rig.pg.execute(
        "INSERT INTO link (patient_id, unit, doctor, start_day) SELECT id, $1, 'D', '2026-01-01' FROM patient", UNIT
    )


async def test_the_first_day_begins_and_the_same_again_changes_nothing(rig: Rig) -> None:
    assigned = await turning(rig)
    await assigned.handle([day(0, "2026-05-26"), day(1, "2026-05-26"), day(2, "2026-05-25")])
    row = await rig.pg.fetchrow("SELECT day, in_progress FROM day")
    assert tuple(row) == (date(2026, 5, 26), False)
    assert assigned.positions[0].next_offset == 3


@pytest.mark.parametrize("chunk", [1, 2, 5_000])
async def test_a_missed_day_happens_as_of_that_day_in_chunks(rig: Rig, chunk: int) -> None:
    rig = Rig(replace(rig.runtime, limits=Limits(of_chunk=chunk)), rig.pg)
    assigned = await turning(rig)
    await assigned.handle([day(0, "2026-05-26")])
    await listed(rig, "2026-05-28")
    await linked(rig)
    await assigned.handle([day(1, "2026-06-30")])
    assert await rig.pg.fetchval("SELECT count(*) FROM link") == 0
    reasons = await rig.pg.fetch("SELECT DISTINCT what, reason FROM audit")
    assert [tuple(row) for row in reasons] == [("ended", "relisted")]
    ends = await rig.pg.fetch(
        "SELECT convert_from(value, 'UTF8')::json ->> 'end' FROM outbox JOIN outbox_shard USING (shard)"
        " WHERE topic = '1177.fast-lakarkontakt.v1'"
    )
    assert [row[0] for row in ends] == ["2026-05-27"] * len(PATIENTS)
    assert await rig.pg.fetchval("SELECT day FROM day") == date(2026, 6, 30)


async def test_a_clock_record_that_cannot_be_read_is_dead_lettered(rig: Rig) -> None:
    assigned = await turning(rig)
    await assigned.handle([ConsumerRecord(LISTNING_CLOCK, 0, 0, b"{"), day(1, "2026-05-26")])
    assert await rig.pg.fetchval("SELECT count(*) FROM outbox") == 1
    assert assigned.positions[0].next_offset == 2


async def test_a_day_whose_beginning_stood_though_its_answer_was_lost_is_worked_off_before_the_next(rig: Rig) -> None:
    """T4: else what it caused would be worked off as of the day after."""
    assigned, pg = await turning(rig), rig.pg
    await pg.execute("UPDATE day SET day = '2026-05-26', in_progress = true")
    inbound = decode(LISTNING_CLOCK, day(0, "2026-05-28"))
    fence = Advance(LISTNING_CLOCK, assigned.positions, {0: 0})
    async with transaction(rig.runtime, fence, Needs(), exclusive=True) as tx:
        assert await days._begin_next(tx, ROUTES["clock"], inbound, date(2026, 5, 28))
    assert tuple(await pg.fetchrow("SELECT day, in_progress FROM day")) == (date(2026, 5, 26), True)
