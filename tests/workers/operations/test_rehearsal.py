"""O2: a rehearsal says exactly what a run then does, on any history of which parts were lost."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime

import pytest

from infra.patient_keys import partition_of
from infra.postgres import runs
from infra.postgres.connection import checkout
from infra.postgres.rehearsal import snapshot
from infra.postgres.runs import NewRun, Run, RunPartition
from schemas.topics import KIV_STAFF, KIV_UNIT, LISTNING_CLOCK, LISTNING_COMMAND, VARDVAL_LISTING
from tests.harness import histories
from tests.harness.consumer_record import ConsumerRecord
from tests.workers.fixtures import Rig, Worker, rig_on, worker
from workers.operations.execution import Execution
from workers.operations.judging import Judge, Rehearsal, facts, judge_all
from workers.operations.ranges import Batch
from workers.operations.tally import Tally
from workers.pipeline.inbound import decode
from workers.routes import ROUTES

NAMES = {
    KIV_STAFF: "staff",
    KIV_UNIT: "unit",
    VARDVAL_LISTING: "listing",
    LISTNING_COMMAND: "command",
    LISTNING_CLOCK: "clock",
}
PARTITIONS = 2
#: so small that most of what a batch changes is carried to a later one
BATCH = 3
LOST = 0.4


@pytest.fixture
async def rig(migrated_url: str) -> AsyncIterator[Rig]:
    async with rig_on(migrated_url) as rig:
        yield rig


@pytest.mark.parametrize("seed", range(12))
async def test_o2_the_rehearsal_of_a_range_says_what_the_run_then_does(rig: Rig, seed: int) -> None:
    topics = await lived_through(rig, seed)
    rng = random.Random(seed)
    applied = 0
    for topic in (KIV_UNIT, KIV_STAFF, VARDVAL_LISTING):
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


async def lived_through(rig: Rig, seed: int) -> dict[str, dict[int, list[ConsumerRecord]]]:
    """A history that the service has handled, but for some of its facts; returned is all of it, by topic and
    partition."""
    rng, workers = random.Random(seed), dict[str, Worker]()
    history: dict[str, dict[int, list[ConsumerRecord]]] = defaultdict(lambda: defaultdict(list))
    for topic, name in NAMES.items():
        workers[topic] = await worker(rig, name, [0] if topic == LISTNING_CLOCK else range(PARTITIONS))
    for step in histories.World(seed).steps(70):
        for sent in step.records:
            key = None if sent.key is None else sent.key.encode()
            partition = 0 if key is None or sent.topic == LISTNING_CLOCK else partition_of(key, PARTITIONS)
            log = history[sent.topic][partition]
            headers = list(sent.headers)
            record = ConsumerRecord(sent.topic, partition, len(log), sent.value, key, headers, sent.timestamp)
            log.append(record)
            if sent.topic in (LISTNING_CLOCK, LISTNING_COMMAND) or rng.random() > LOST:
                await workers[sent.topic].handle([record])
                await workers[sent.topic].drained()
    return history


def batches(topic: str, chosen: dict[int, list[ConsumerRecord]]) -> AsyncIterator[Batch]:
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


async def rehearsed(rig: Rig, topic: str, chosen: dict[int, list[ConsumerRecord]]) -> Tally:
    async with snapshot(rig.runtime.engine) as state:
        rehearsal = Rehearsal(rig.runtime, state, facts(ROUTES[NAMES[topic]]))
        return await judged(rehearsal, batches(topic, chosen))


async def carried_out(rig: Rig, topic: str, chosen: dict[int, list[ConsumerRecord]]) -> Tally:
    run = await begun(rig, topic, chosen)
    execution = Execution(rig.runtime, ROUTES[NAMES[topic]], run, facts(ROUTES[NAMES[topic]]), lambda _: None)
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
