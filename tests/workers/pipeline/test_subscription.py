"""What a consumer has handed out when its partitions come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CorruptRecordException, GroupAuthorizationFailedError

from infra import timing
from infra.errors import Fenced, PartitionFenced
from infra.kafka.consumer import Consumer
from infra.postgres.offsets import advance, take_ownership
from schemas.topics import VARDVAL_LISTING
from tests.harness.consumer_record import ConsumerRecord
from tests.workers.fixtures import Rig, message
from workers.health import Health
from workers.pipeline.assignment import Assignment
from workers.pipeline.idle_offsets import GroupMirror
from workers.pipeline.subscription import Subscription
from workers.routes import ROUTES
from workers.runtime import Runtime
from workers.service import make_processor


def listing(offset: int, sequence: int) -> ConsumerRecord:
    data = {"patient_id": "199006022397", "sequence": sequence}
    return message(VARDVAL_LISTING, offset, "se.vgregion.vardval.listing.v1", data)


class Clock:
    """Says what it is told to say."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class FakeAIOKafka(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka ships no types
    """aiokafka as if a broker answered: it hands out `records` of its only partition whenever it is asked, or raises
    `fault`; `sought` are the offsets where the partition was begun. Its group takes no offsets."""

    def __init__(self, part: TopicPartition) -> None:
        super().__init__(bootstrap_servers="nowhere.example:9092")
        self.part = part
        self.records = {part: [listing(1, 2)]}
        self.fault: Exception | None = None
        self.end = 9
        self.sought: list[int] = []
        self.stands_still = False
        self.commits: list[dict[TopicPartition, int]] = []
        self._client = SimpleNamespace(get_random_node=lambda: 0, send=self._described)
        self._coordinator = SimpleNamespace(check_errors=self._check_errors)
        self.refused: Exception | None = None
        self.when_its_end_was_told: Callable[[], Awaitable[None]] | None = None

    def __del__(self) -> None:
        """There is nothing to close."""

    async def getmany(self, *_: Any, **__: Any) -> dict[TopicPartition, list[ConsumerRecord]]:
        if self.fault is not None:
            raise self.fault
        return self.records

    async def beginning_offsets(self, _: Any) -> dict[TopicPartition, int]:
        return {self.part: 0}

    async def end_offsets(self, _: Any) -> dict[TopicPartition, int]:
        if self.when_its_end_was_told is not None:
            await self.when_its_end_was_told()
        return {self.part: self.end}

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        self.commits.append(offsets)
        await asyncio.Event().wait()

    def seek(self, _: TopicPartition, offset: int) -> None:
        self.sought.append(offset)

    def pause(self, _: TopicPartition) -> None:
        self.stands_still = True

    def resume(self, _: TopicPartition) -> None:
        self.stands_still = False

    def _check_errors(self) -> None:
        if self.refused is not None:
            raise self.refused

    async def _described(self, *_: Any) -> Any:
        return SimpleNamespace(to_object=lambda: {"cluster_id": None, "topics": []})


class FakeConsumer(Consumer, FakeAIOKafka):
    """Our consumer over it."""


class Fed:
    """A subscription whose client is the fake; readiness and the subscription go by `clock`."""

    def __init__(self, runtime: Runtime) -> None:
        self.clock = Clock()
        self.runtime = replace(runtime, health=Health(clock=self.clock))
        self.part = TopicPartition(runtime.settings.topic(VARDVAL_LISTING), 0)
        self.consumer = FakeConsumer(self.part)
        self.failures: list[BaseException] = []
        processor = make_processor(ROUTES["listing"], self.runtime)
        self.subscription = Subscription("listing", processor, self.failures.append, self.clock)
        self.subscription._subscriber = SimpleNamespace(consumer=self.consumer)
        self.consumer.listener = self.subscription

    @property
    def sought(self) -> list[int]:
        """Where the partition was begun."""
        return self.consumer.sought

    @property
    def assignment(self) -> Assignment:
        """The one that holds."""
        assert self.subscription.assignment is not None
        return self.subscription.assignment

    @property
    def next_offset(self) -> int:
        """Where the partition stands."""
        return self.assignment.positions[0].next_offset

    async def drained(self) -> None:
        """Returns when nothing is in flight any more."""
        await self.assignment.in_flight.drained()

    async def handle(self, record: ConsumerRecord) -> None:
        """A record of the assignment that holds."""
        await self.subscription.or_end(self.subscription._processor.process(self.assignment, [record]))


async def test_what_was_taken_before_a_rebalance_and_handed_over_after_it_moves_no_offset(rig: Rig) -> None:
    """Else the records before it, which were left while the partition had no position, would be passed over."""
    fed = Fed(rig.runtime)
    consumer, part, subscription = fed.consumer, fed.part, fed.subscription
    await subscription.on_partitions_assigned([part])

    (early,) = (await consumer.getmany(timeout_ms=1, max_records=1)).values()
    await subscription.on_partitions_revoked([part])
    await subscription.on_partitions_assigned([part])
    await subscription._handle(tuple(early))
    await fed.drained()
    assert (fed.sought, fed.next_offset) == ([0, 0], 0)

    (late,) = (await consumer.getmany(timeout_ms=1, max_records=1)).values()
    await subscription._handle(tuple(late))
    await fed.drained()
    assert (fed.next_offset, fed.failures) == (2, [])


@pytest.mark.parametrize("handed_over", ["before", "after"])
async def test_what_is_taken_before_the_positions_are_known_moves_no_offset(rig: Rig, handed_over: str) -> None:
    """aiokafka gives records of a new assignment, from where its group stands, while `on_partitions_assigned` runs."""
    fed = Fed(rig.runtime)
    await fed.subscription.on_partitions_revoked([])
    async with rig.pg.transaction():
        await rig.pg.execute("LOCK TABLE consumer_offset")  # so that ownership cannot be taken yet
        assigned = asyncio.create_task(fed.subscription.on_partitions_assigned([fed.part]))
        records = (await fed.consumer._fetch(1, 1))[fed.part]
        if handed_over == "before":
            await fed.subscription._handle(tuple(records))
    await assigned
    if handed_over == "after":
        await fed.subscription._handle(tuple(records))
    await fed.drained()
    assert (fed.sought, fed.next_offset, fed.failures) == ([0], 0, [])


async def test_a_partition_whose_earlier_owner_still_handles_what_comes_is_not_taken_for_cut_back(rig: Rig) -> None:
    """One that the group has given up on, but that does not know it yet."""
    fed = Fed(rig.runtime)
    (earlier,) = (await take_ownership(rig.pg, VARDVAL_LISTING, {0: 9})).values()

    async def handles_the_next() -> None:
        with suppress(Fenced):
            await advance(rig.pg, VARDVAL_LISTING, {0: earlier}, {0: 10})

    fed.consumer.when_its_end_was_told = handles_the_next
    await fed.subscription.on_partitions_assigned([fed.part])
    assert (fed.next_offset, fed.runtime.health.reasons()) == (9, [])


async def test_nothing_is_taken_from_the_client_while_partitions_go_and_come(rig: Rig) -> None:
    fed = Fed(rig.runtime)
    await fed.subscription.on_partitions_assigned([fed.part])
    await fed.subscription.on_partitions_revoked([fed.part])
    assert await fed.consumer.getmany(timeout_ms=1, max_records=1) == {}
    await fed.subscription.on_partitions_assigned([fed.part])
    assert await fed.consumer.getmany(timeout_ms=1, max_records=1) != {}


async def test_a_client_that_fails_begins_every_partition_anew_and_readiness_tells_until_it_is_well(rig: Rig) -> None:
    """aiokafka moves on past what it took of one partition, also where another one then makes the call fail."""
    fed = Fed(rig.runtime)
    health = fed.runtime.health
    await fed.subscription.on_partitions_assigned([fed.part])

    fed.consumer.fault = CorruptRecordException("Invalid CRC")
    assert await fed.consumer.getmany(timeout_ms=1, max_records=1) == {}
    assert (fed.sought, health.reasons()) == ([0, 0], [])
    fed.clock.seconds += timing.FETCH_UNHEALTHY_AFTER_SECONDS
    assert [reason for reason in health.reasons() if "/reading: " in reason] != []

    fed.consumer.fault = None
    assert await fed.consumer.getmany(timeout_ms=1, max_records=1) != {}
    fed.clock.seconds += 0.1
    assert await fed.consumer.getmany(timeout_ms=1, max_records=1) != {}
    assert health.reasons() == []


async def test_a_client_that_fails_begins_anew_behind_what_it_handed_out_though_that_is_not_handled_yet(
    rig: Rig,
) -> None:
    """What it handed out is on its way, and must come neither twice nor, with what lies behind it, never."""
    fed = Fed(rig.runtime)
    await fed.subscription.on_partitions_assigned([fed.part])
    async with rig.pg.transaction():
        await rig.pg.execute("LOCK TABLE consumer_offset")
        fed.subscription.on_records_taken({fed.part: [listing(0, 1)]}, {fed.part: 1})
        await fed.handle(listing(0, 1))
        await asyncio.wait_for(fed.subscription.on_fetch_error(CorruptRecordException("Invalid CRC")), 10)
        assert (fed.sought, fed.next_offset) == ([0, 1], 0)
    await fed.drained()
    assert (fed.sought, fed.next_offset) == ([0, 1], 1)


async def test_an_error_of_the_group_is_heard_while_partitions_go_and_come(rig: Rig) -> None:
    """aiokafka does not try to join again before somebody has asked for it."""
    fed = Fed(rig.runtime)
    fed.consumer.refused = GroupAuthorizationFailedError("a-group")
    await fed.subscription.on_partitions_revoked([])
    assert await fed.consumer.getmany(timeout_ms=1, max_records=1) == {}
    fed.clock.seconds += timing.FETCH_UNHEALTHY_AFTER_SECONDS
    assert [reason for reason in fed.runtime.health.reasons() if "/reading: " in reason] != []


async def test_a_partition_fenced_for_long_ends_the_process(rig: Rig) -> None:
    """Nobody else would handle it: the group believes that it is handled here."""
    fed = Fed(rig.runtime)
    await fed.subscription.on_partitions_assigned([fed.part])
    await take_ownership(rig.pg, VARDVAL_LISTING, {0: 0})  # of one that was late, and is gone
    await fed.handle(listing(0, 1))
    await fed.drained()
    fed.clock.seconds += timing.FENCED_SECONDS + 1
    with pytest.raises(PartitionFenced, match=f"{VARDVAL_LISTING}/0: "):
        await asyncio.wait_for(fed.subscription.maintain(), 10)


async def test_a_partition_fenced_before_a_rebalance_ends_nothing(rig: Rig) -> None:
    fed = Fed(rig.runtime)
    await fed.subscription.on_partitions_assigned([fed.part])
    await take_ownership(rig.pg, VARDVAL_LISTING, {0: 0})
    await fed.handle(listing(0, 1))
    await fed.drained()
    assert fed.assignment.fenced.keys() == {0}
    await fed.subscription.on_partitions_revoked([fed.part])
    assert fed.subscription.assignment is None


async def test_a_group_that_takes_no_offsets_is_not_waited_for_without_end(rig: Rig) -> None:
    """aiokafka asks for a coordinator that is away until there is one, and all that is looked after waits."""
    fed = Fed(rig.runtime)
    await fed.subscription.on_partitions_assigned([fed.part])
    mirror = GroupMirror(fed.part.topic, answer_seconds=0.01)
    await asyncio.wait_for(mirror.update(fed.consumer, fed.assignment), 10)
    assert fed.consumer.commits == [{fed.part: 0}]
