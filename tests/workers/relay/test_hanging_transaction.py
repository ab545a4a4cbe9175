"""A broker that dies between a transaction's decision and its markers can forget to write them: readers see nothing
from there on. The relay's next term ends the transaction; nothing is lost and nothing doubled (record 0037)."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from infra import timing
from infra.postgres import outbox
from tests.conftest import Broker
from tests.harness.kafka import Kafka
from tests.harness.waiting import until
from tests.workers.relay.place import Place, place_on, until_published
from workers.handoff import Handoff
from workers.health import Health
from workers.relay import term
from workers.relay.leader import Relay
from workers.relay.visibility import Hidden, Visibility

#: the more there are, the likelier it is that the broker forgets one
PARTITIONS = 24
#: from the moment that the commit is about to be sent until the broker is killed; one of them meets the moment
DELAYS_MS = (1.5, 1, 4, 0.5, 3, 0.75, 2, 1.25, 1.75, 2.5, 5, 6, 0.25, 1, 2, 3)


@pytest.fixture
async def broker(kafka_jars: None, tmp_path: Path) -> AsyncIterator[Kafka]:
    """A broker that only this test uses, so it may be killed."""
    broker = Kafka(tmp_path / "kafka")
    await asyncio.to_thread(broker.start)
    yield broker
    await asyncio.to_thread(broker.stop)


@pytest.fixture
async def place(broker: Kafka, migrated_url: str, topic_prefix: str) -> AsyncIterator[Place]:
    async with place_on(broker.bootstrap, migrated_url, topic_prefix, PARTITIONS) as made:
        yield made


def killing(broker: Kafka, delay_ms: float) -> Callable[[str], None]:
    """A failpoint that has the broker killed so long after a round's events are sent, which is when it commits."""
    pid, armed = broker.pid, [True]

    def hit(name: str) -> None:
        if name == "relay:5-sent" and armed.pop():
            armed.append(False)
            threading.Timer(delay_ms / 1000, os.kill, (pid, signal.SIGKILL)).start()

    return hit


async def test_what_a_broker_left_open_is_ended_by_the_next_term(
    broker: Kafka, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [b"0"]
    await place.write(b"0")
    await place.published(PARTITIONS)
    for number, delay_ms in enumerate(DELAYS_MS, 1):
        with monkeypatch.context() as patch, capture_logs() as lines:
            patch.setattr(term, "hit", killing(broker, delay_ms))
            relay = asyncio.create_task(Relay(place.engine, place.settings, Handoff()).run())
            expected.append(b"%d" % number)
            await place.write(expected[-1])
            await asyncio.to_thread(broker.wait_until_dead)
            await asyncio.to_thread(broker.start)
            await until_published(place, (number + 1) * PARTITIONS)
            relay.cancel()
            await asyncio.gather(relay, return_exceptions=True)
        assert set(map(tuple, (await place.committed_everywhere()).values())) == {tuple(expected)}
        if any(line["event"] == "transactions left open by a broker" for line in lines):
            return
    pytest.fail("no kill met the moment")


async def test_what_a_stranger_hides_is_told_stays_in_the_outbox_and_stops_nothing(
    kafka: Broker, migrated_url: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator may abort what hangs; what cannot be seen must be there to be published again."""
    monkeypatch.setattr(timing, "RELAY_HIDDEN_SECONDS", 0.2)
    monkeypatch.setattr(timing, "RELAY_FORGOTTEN_SECONDS", 0.1)
    health = Health()
    async with place_on(kafka.bootstrap, migrated_url, topic_prefix) as place, place.stranger() as stranger:
        await place.write(b"0")
        await place.published(1)
        await stranger.begin_transaction()
        await stranger.send_and_wait(place.part.topic, b"strange", partition=0)
        for number in (1, 2):  # the second term finds the first one's record behind the transaction
            relay = asyncio.create_task(Relay(place.engine, place.settings, Handoff(), health=health).run())
            await place.write(b"%d" % number)
            await until(lambda number=number: place.log_holds(b"%d" % number), what="it to be published")  # type: ignore[misc]

            async def told() -> bool:
                return any("hidden from readers" in reason for reason in health.reasons())

            await until(told, what="readiness to tell")
            assert await outbox.waiting(place.pg) == number
            relay.cancel()
            await asyncio.gather(relay, return_exceptions=True)
            assert health.reasons() == []
        assert await place.committed() == [b"0"]
        await stranger.abort_transaction()
        assert await place.published(3) == [b"0", b"1", b"2"]


def test_what_readers_see_moves_on_round_by_round() -> None:
    now = [0.0]
    visibility = Visibility({1: 5, 2: 0}, clock=lambda: now[0])
    visibility.published(1, 7, 100)
    now[0] = 10.0
    visibility.published(1, 9, 110)
    visibility.published(2, 3, 50)
    assert visibility.hidden == {1, 2}
    assert [*visibility.hidden_for(5)] == [Hidden(1, 100, 10.0)]
    visibility.observe({1: 100, 2: 50})
    assert (visibility.seen, visibility.hidden) == ({1: 5, 2: 0}, frozenset({1, 2}))
    visibility.observe({1: 101, 2: 51})
    assert (visibility.seen, visibility.hidden) == ({1: 7, 2: 3}, frozenset({1}))
    assert [*visibility.hidden_for(5)] == []
    visibility.observe({1: 111})
    assert (visibility.seen, visibility.hidden) == ({1: 9, 2: 3}, frozenset())


def test_rounds_between_two_sweeps_are_kept_as_one() -> None:
    """Behind a stranger's transaction they may be hidden for hours."""
    now = [0.0]
    visibility = Visibility({1: 0}, clock=lambda: now[0])
    for seq in range(1, 10_001):
        visibility.published(1, seq, seq)
        now[0] += timing.RELAY_SWEEP_SECONDS / 100
    assert len(visibility._hidden[1]) <= 101
    assert [*visibility.hidden_for(5)] == [Hidden(1, visibility._hidden[1][0].offset, now[0])]
    visibility.observe({1: 10_000})
    assert (visibility.seen[1] < 10_000, visibility.hidden) == (True, frozenset({1}))
    visibility.observe({1: 10_001})
    assert (visibility.seen, visibility.hidden) == ({1: 10_000}, frozenset())
