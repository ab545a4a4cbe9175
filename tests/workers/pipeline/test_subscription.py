"""What a consumer has handed out when its partitions come and go."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CorruptRecordException, GroupAuthorizationFailedError

from infra import timing
from infra.errors import PartitionFenced
from infra.kafka.consumer import Consumer
from infra.postgres.offsets import take_ownership
from schemas.topics import VARDVAL_LISTING
from tests.harness.consumer_record import ConsumerRecord
from tests.workers.fixtures import Rig, message
from workers.pipeline.assignment import Assignment
from workers.pipeline.subscription import Subscription
from workers.routes import ROUTES
from workers.runtime import Runtime
from workers.service import make_processor


def listing(offset: int, sequence: int) -> ConsumerRecord:
    data = {"patient_id": "199006022397", "sequence": sequence}
    return message(VARDVAL_LISTING, offset, "se.vgregion.vardval.listing.v1", data)


class Fed:
    """A subscription whose client hands out offset 1 of its only partition whenever it is asked; `sought` are the
    offsets where the partition was begun."""

    def __init__(self, made: Runtime, patch: pytest.MonkeyPatch) -> None:
        self.consumer = Consumer.__new__(Consumer)
        self.part = TopicPartition(made.settings.topic(VARDVAL_LISTING), 0)
        self.sought: list[int] = []
        self.failures: list[BaseException] = []
        patch.setattr(AIOKafkaConsumer, "__del__", lambda _: None)
        patch.setattr(AIOKafkaConsumer, "getmany", self._taken)
        patch.setattr(AIOKafkaConsumer, "beginning_offsets", lambda *_: self._offsets(0))
        patch.setattr(AIOKafkaConsumer, "end_offsets", lambda *_: self._offsets(9))
        patch.setattr(AIOKafkaConsumer, "seek", lambda _, __, offset: self.sought.append(offset))
        self.consumer._subscription = SimpleNamespace(subscription=None)
        self.consumer._client = SimpleNamespace(get_random_node=lambda: 0, send=self._described)
        self.subscription = Subscription("listing", make_processor(ROUTES["listing"], made), self.failures.append)
        self.subscription._subscriber = SimpleNamespace(consumer=self.consumer)
        self.consumer.listener = self.subscription
        self.consumer._coordinator = SimpleNamespace(check_errors=lambda: None)

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

    async def _described(self, *_: Any) -> Any:
        return SimpleNamespace(to_object=lambda: {"cluster_id": None, "topics": []})

    async def _offsets(self, offset: int) -> dict[TopicPartition, int]:
        return {self.part: offset}

    async def _taken(self, *_: Any, **__: Any) -> dict[TopicPartition, list[ConsumerRecord]]:
        return {self.part: [listing(1, 2)]}


async def test_what_was_taken_before_a_rebalance_and_handed_over_after_it_moves_no_offset(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the records before it, which were left while the partition had no position, would be passed over."""
    fed = Fed(rig.runtime, monkeypatch)
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
async def test_what_is_taken_before_the_positions_are_known_moves_no_offset(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, handed_over: str
) -> None:
    """aiokafka gives records of a new assignment, from where its group stands, while `on_partitions_assigned` runs."""
    fed = Fed(rig.runtime, monkeypatch)
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


async def test_nothing_is_taken_from_the_client_while_partitions_go_and_come(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    fed = Fed(rig.runtime, monkeypatch)
    await fed.subscription.on_partitions_assigned([fed.part])
    await fed.subscription.on_partitions_revoked([fed.part])
    assert await fed.consumer.getmany(timeout_ms=1, max_records=1) == {}
    await fed.subscription.on_partitions_assigned([fed.part])
    assert await fed.consumer.getmany(timeout_ms=1, max_records=1) != {}


async def test_a_client_that_fails_begins_every_partition_anew_and_readiness_tells_until_it_is_well(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiokafka moves on past what it took of one partition, also where another one then makes the call fail."""
    made = rig.runtime
    fed = Fed(made, monkeypatch)
    for name, seconds in (
        ("FETCH_RETRY_SECONDS", 0),
        ("FETCH_UNHEALTHY_AFTER_SECONDS", 0),
        ("FETCH_HEALTHY_AFTER_SECONDS", -1),
    ):
        monkeypatch.setattr(timing, name, seconds)

    async def fails(*_: Any, **__: Any) -> None:
        raise CorruptRecordException("Invalid CRC")

    await fed.subscription.on_partitions_assigned([fed.part])
    with monkeypatch.context() as failing:
        failing.setattr(AIOKafkaConsumer, "getmany", fails)
        assert await fed.consumer.getmany(timeout_ms=1, max_records=1) == {}
    assert fed.sought == [0, 0]
    assert [reason for reason in made.health.reasons() if "/reading: " in reason] != []
    assert await fed.consumer.getmany(timeout_ms=1, max_records=1) != {}
    assert made.health.reasons() == []


async def test_a_client_that_fails_begins_anew_behind_what_it_handed_out_though_that_is_not_handled_yet(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it handed out is on its way, and must come neither twice nor, with what lies behind it, never."""
    fed = Fed(rig.runtime, monkeypatch)
    monkeypatch.setattr(timing, "FETCH_RETRY_SECONDS", 0)
    await fed.subscription.on_partitions_assigned([fed.part])
    async with rig.pg.transaction():
        await rig.pg.execute("LOCK TABLE consumer_offset")
        fed.subscription.on_records_taken({fed.part: [listing(0, 1)]}, {fed.part: 1})
        await fed.handle(listing(0, 1))
        await asyncio.wait_for(fed.subscription.on_fetch_error(CorruptRecordException("Invalid CRC")), 10)
        assert (fed.sought, fed.next_offset) == ([0, 1], 0)
    await fed.drained()
    assert (fed.sought, fed.next_offset) == ([0, 1], 1)


async def test_an_error_of_the_group_is_heard_while_partitions_go_and_come(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiokafka does not try to join again before somebody has asked for it."""
    fed = Fed(rig.runtime, monkeypatch)
    for name in ("FETCH_RETRY_SECONDS", "FETCH_UNHEALTHY_AFTER_SECONDS"):
        monkeypatch.setattr(timing, name, 0)

    def refused() -> None:
        raise GroupAuthorizationFailedError("a-group")

    fed.consumer._coordinator.check_errors = refused
    await fed.subscription.on_partitions_revoked([])
    assert await fed.consumer.getmany(timeout_ms=1, max_records=1) == {}
    assert [reason for reason in rig.runtime.health.reasons() if "/reading: " in reason] != []


async def test_a_partition_lost_for_long_ends_the_process(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else would handle it: the group believes that it is handled here."""
    fed = Fed(rig.runtime, monkeypatch)
    for name in ("GROUP_MIRROR_SECONDS", "FENCED_SECONDS"):
        monkeypatch.setattr(timing, name, 0)
    await fed.subscription.on_partitions_assigned([fed.part])
    await take_ownership(rig.pg, VARDVAL_LISTING, {0: 0})  # of one that was late, and is gone
    await fed.handle(listing(0, 1))
    await fed.drained()
    with pytest.raises(PartitionFenced, match=f"{VARDVAL_LISTING}/0: "):
        await asyncio.wait_for(fed.subscription.maintain(), 10)


async def test_a_partition_lost_to_a_rebalance_that_follows_ends_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    fed = Fed(rig.runtime, monkeypatch)
    await fed.subscription.on_partitions_assigned([fed.part])
    await take_ownership(rig.pg, VARDVAL_LISTING, {0: 0})
    await fed.handle(listing(0, 1))
    await fed.drained()
    assert fed.assignment.fenced.keys() == {0}
    await fed.subscription.on_partitions_revoked([fed.part])
    assert fed.subscription.assignment is None
