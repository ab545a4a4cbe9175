"""O2: a rehearsal says exactly what a run then does, on any history of which parts were lost."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime

import pytest

from infra.postgres import runs
from infra.postgres.connection import checkout
from infra.postgres.rehearsal import snapshot
from infra.postgres.runs import NewRun, Run, RunPartition
from schemas.topics import KIV_STAFF, KIV_UNIT, LISTNING_CLOCK, LISTNING_COMMAND, VARDVAL_LISTING
from tests.harness.consumer_record import ConsumerRecord
from tests.harness.records import Record
from tests.workers.fixtures import Rig, rig_on
from tests.workers.operations.eventful import eventful
from tests.workers.operations.lived import NAMES, Service, history
from workers.operations.execution import Execution
from workers.operations.judging import Decide, Judge, Rehearsal, facts, judge_all, new_commands, rehearsed_new_commands
from workers.operations.ranges import Batch
from workers.operations.tally import Tally
from workers.pipeline.inbound import decode
from workers.routes import ROUTES

#: so small that most of what a batch changes is carried to a later one
BATCH = 3
LOST = 0.4


@pytest.fixture
async def rig(migrated_url: str) -> AsyncIterator[Rig]:
    async with rig_on(migrated_url) as rig:
        yield rig


@pytest.mark.parametrize("seed", range(16))
async def test_o2_the_rehearsal_of_a_range_says_what_the_run_then_does(rig: Rig, seed: int) -> None:
    rng = random.Random(seed)
    records = eventful() if seed % 4 == 3 else history(seed, 70)
    topics = await lived_through(rig, records, rng)
    applied = 0
    for topic in (KIV_UNIT, KIV_STAFF, VARDVAL_LISTING, LISTNING_COMMAND):
        chosen = {p: some(rng, records) for p, records in topics[topic].items()}
        expected = await rehearsed(rig, topic, chosen)
        done = await carried_out(rig, topic, chosen)
        assert done == expected
        applied += done.outcomes["applied"]
    assert applied, "a history of which nothing was lost tests nothing"


async def test_o2_an_import_made_anew_is_not_taken_for_the_one_that_was_tried(rig: Rig) -> None:
    service, records = await Service.on(rig), eventful()
    for record in records[:27]:
        await service.handle(service.append(record))
    letters = [service.append(one) for one in records if b'"tried"' in (one.value or b"")]
    chosen = {letters[0].partition: letters}
    expected = await rehearsed(rig, LISTNING_COMMAND, chosen, size=2)
    assert expected.outcomes == {"waiting": 2, "refused": 1, "accepted": 1}
    assert await carried_out(rig, LISTNING_COMMAND, chosen, size=2) == expected


def some(rng: random.Random, records: list[ConsumerRecord]) -> list[ConsumerRecord]:
    """A stretch of them, most often all."""
    if rng.random() < 0.5 or not records:
        return records
    start = rng.randrange(len(records))
    return records[start : rng.randrange(start, len(records)) + 1]


async def lived_through(
    rig: Rig, records: list[Record], rng: random.Random
) -> Mapping[str, Mapping[int, list[ConsumerRecord]]]:
    """The service handles a history, but for some of its records; returned is all of it, by topic and partition."""
    service = await Service.on(rig)
    for sent in records:
        record = service.append(sent)
        if sent.topic == LISTNING_CLOCK or rng.random() > LOST:
            await service.handle(record)
    return service.log


def batches(topic: str, chosen: Mapping[int, list[ConsumerRecord]], size: int) -> AsyncIterator[Batch]:
    """As they are read from Kafka."""

    async def read() -> AsyncIterator[Batch]:
        for partition, records in sorted(chosen.items()):
            first = records[0].offset if records else 0
            reached = RunPartition(partition, first, 1_000, first, first)
            for start in range(0, len(records), size):
                taken = records[start : start + size]
                after = reached._replace(next_offset=taken[-1].offset + 1)
                yield Batch([decode(topic, record) for record in taken], reached, after)
                reached = after

    return read()


async def judged(judge: Judge, read: AsyncIterator[Batch]) -> Tally:
    async for _ in judge_all(judge, read):
        pass
    return judge.tally


def decide(topic: str, *, rehearsal: bool) -> Decide:
    """Facts as ever, lost commands for the first time."""
    route = ROUTES[NAMES[topic]]
    if topic != LISTNING_COMMAND:
        return facts(route)
    return rehearsed_new_commands(route) if rehearsal else new_commands(route)


async def rehearsed(rig: Rig, topic: str, chosen: Mapping[int, list[ConsumerRecord]], size: int = BATCH) -> Tally:
    async with snapshot(rig.runtime.engine) as state:
        rehearsal = Rehearsal(rig.runtime, state, decide(topic, rehearsal=True))
        return await judged(rehearsal, batches(topic, chosen, size))


async def carried_out(rig: Rig, topic: str, chosen: Mapping[int, list[ConsumerRecord]], size: int = BATCH) -> Tally:
    starts = {partition: records[0].offset if records else 0 for partition, records in chosen.items()}
    run = await begun(rig, topic, starts)
    execution = Execution(rig.runtime, ROUTES[NAMES[topic]], run, decide(topic, rehearsal=False), lambda _: None)
    return await judged(execution, batches(topic, chosen, size))


async def begun(rig: Rig, topic: str, starts: Mapping[int, int]) -> Run:
    """A run that this test has taken."""
    parts = [RunPartition(number, start, 1_000, start, start) for number, start in starts.items()]
    async with checkout(rig.runtime.engine) as pg:
        day = await pg.fetchval("SELECT day FROM day")
        id = f"{topic}-{datetime.now(UTC).timestamp()}"
        await runs.create(pg, NewRun(id, "replay", topic, {}, "lost", "nobody", "1", False, None, day), parts)
        assert await runs.take(pg, id, 60) == 1
        found = await runs.read(pg, id)
    assert found is not None
    return found[0]
