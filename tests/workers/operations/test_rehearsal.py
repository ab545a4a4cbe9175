"""O2: a rehearsal says exactly what a run then does, on any history of which parts were lost."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterable, Mapping
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


def batches(topic: str, chosen: Mapping[int, list[ConsumerRecord]]) -> AsyncIterator[Batch]:
    """As they are read from Kafka."""

    async def read() -> AsyncIterator[Batch]:
        for partition, records in sorted(chosen.items()):
            reached = RunPartition(partition, 0, len(records), 0, 0)
            for start in range(0, len(records), BATCH):
                taken = records[start : start + BATCH]
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


async def rehearsed(rig: Rig, topic: str, chosen: Mapping[int, list[ConsumerRecord]]) -> Tally:
    async with snapshot(rig.runtime.engine) as state:
        rehearsal = Rehearsal(rig.runtime, state, decide(topic, rehearsal=True))
        return await judged(rehearsal, batches(topic, chosen))


async def carried_out(rig: Rig, topic: str, chosen: Mapping[int, list[ConsumerRecord]]) -> Tally:
    run = await begun(rig, topic, chosen)
    execution = Execution(rig.runtime, ROUTES[NAMES[topic]], run, decide(topic, rehearsal=False), lambda _: None)
    return await judged(execution, batches(topic, chosen))


async def begun(rig: Rig, topic: str, partitions: Iterable[int]) -> Run:
    """A run that this test has taken."""
    parts = [RunPartition(number, 0, 1_000, 0, 0) for number in partitions]
    async with checkout(rig.runtime.engine) as pg:
        day = await pg.fetchval("SELECT day FROM day")
        id = f"{topic}-{datetime.now(UTC).timestamp()}"
        await runs.create(pg, NewRun(id, "replay", topic, {}, "lost", "nobody", "1", False, None, day), parts)
        assert await runs.take(pg, id, 60) == 1
        found = await runs.read(pg, id)
    assert found is not None
    return found[0]
