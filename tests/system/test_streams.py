"""Thousands of vårdval on their way while processes, broker and database come and go: 0 lost, 0 doubled, in order."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.embedded.postgres import Postgres
from infra.postgres.migrations import upgrade
from tests.harness.installation import Installation, until
from tests.harness.invariants import query
from tests.harness.kafka import Kafka
from tests.harness.postgres import FAST, started_postgres
from tests.harness.session import Session
from tests.harness.topics import Topics
from tests.harness.workload import Workload
from tests.system.conftest import Opener

pytestmark = pytest.mark.system

#: small batches, so that a stream has a middle to be met in
SMALL = {"BATCH_RECORDS": "100"}
HANDLED = "SELECT coalesce(sum(next_offset), 0)::bigint FROM consumer_offset WHERE topic = 'vardval.listing.v1'"


class Stream:
    """A wave that has been sent; `reach` waits for the moment when a share of it has been handled."""

    def __init__(self, session: Session, wave: Workload, each: int) -> None:
        self.session = session
        self._begin = self._handled()
        records = wave.stream(each)
        session.topics.publish(records)
        session.sent += records
        self._size = len(records)

    def reach(self, share: float) -> None:
        """Returns when so much has been handled; fails where the moment was missed."""
        until(lambda: self._handled() >= self._begin + share * self._size, 60, f"{share:.0%} of the stream")
        assert self._handled() < self._begin + self._size, "the stream was over before anything could happen to it"

    def _handled(self) -> int:
        return int(query(self.session.installation.database_url, HANDLED)[0][0])


def test_a_stream_survives_kill_9_of_one_process_after_another(opened: Opener) -> None:
    session, wave, rng = opened(2, **SMALL), Workload(2_000), random.Random(1)
    wave.set_up(session)
    stream = Stream(session, wave, 10)
    for share in (0.1, 0.3, 0.5, 0.7):
        stream.reach(share)
        session.installation.kill(rng.randrange(2))
        session.installation.start(1)
    session.installation.settle(120)
    assert wave.faults(session) == []


def test_processes_join_and_leave_in_the_middle_of_a_stream(opened: Opener) -> None:
    session, wave = opened(1, **SMALL), Workload(1_000)
    wave.set_up(session)
    Stream(session, wave, 12).reach(0.1)
    session.installation.start(2)
    Stream(session, wave, 12).reach(0.1)
    session.installation.leave(0)
    session.installation.start(1)
    session.installation.leave(0)
    session.installation.settle(120)
    assert wave.faults(session) == []


@pytest.fixture
def own_broker(kafka_jars: None, migrated_url: str, tmp_path: Path) -> Iterator[tuple[Kafka, Installation]]:
    """A broker that only this test uses, so it may be killed."""
    broker = Kafka(tmp_path / "kafka")
    broker.start()
    installation = Installation(broker.bootstrap, migrated_url, "own.", tmp_path, extra=dict(SMALL))
    installation.prepare(migrate=False)
    yield broker, installation
    installation.stop()
    broker.stop()


def test_a_stream_survives_the_broker_and_a_process_waits_for_it(own_broker: tuple[Kafka, Installation]) -> None:
    broker, installation = own_broker
    installation.start(2)
    session, wave = Session(installation, Topics(broker.bootstrap, "own.")), Workload(1_000)
    wave.set_up(session)
    stream = Stream(session, wave, 10)
    stream.reach(0.3)
    broker.kill()
    (late,) = [installation.launch()]
    until(lambda: "waiting" in late.output() and late.find_address(), 30, "a process that says it waits for Kafka")
    status, reasons = late.ready()
    assert (status, any("Kafka" in reason for reason in reasons)) == (503, True), reasons
    broker.start()
    installation.settle(180)
    # A member whose request to join died with the broker holds its group up for as long as a rebalance may take, 60 s.
    installation.until_ready(120)
    assert wave.faults(session) == []


def test_a_process_told_to_stop_while_its_broker_is_away_ends_in_time_and_loses_nothing(
    own_broker: tuple[Kafka, Installation],
) -> None:
    broker, installation = own_broker
    installation.start(1)
    session, wave = Session(installation, Topics(broker.bootstrap, "own.")), Workload(1_000)
    wave.set_up(session)
    Stream(session, wave, 10).reach(0.3)
    broker.kill()
    (process,) = installation.processes
    until(lambda: "refused" in process.output(), 60, "a process that misses its broker")
    process.popen.terminate()
    process.popen.wait(30)
    assert process.shut_down(), f"exit {process.popen.returncode}: {process.output()[-3000:]}"
    installation.processes.clear()
    broker.start()
    installation.start(1)
    installation.settle(180)
    assert wave.faults(session) == []


@pytest.fixture
def own_database(kafka: Any, topic_prefix: str, tmp_path_factory: Any) -> Iterator[tuple[Postgres, Installation]]:
    """A database server that only this test uses."""
    folder = tmp_path_factory.mktemp("own")
    with started_postgres(folder / "data", FAST) as server:
        upgrade(server.url())
        installation = Installation(kafka.bootstrap, server.url(), topic_prefix, folder, extra=dict(SMALL))
        installation.prepare()
        yield server, installation
        installation.stop()


def test_a_stream_survives_the_database_and_readiness_says_so(own_database: tuple[Postgres, Installation]) -> None:
    server, installation = own_database
    installation.start(2)
    session, wave = Session(installation, Topics(installation.bootstrap, installation.prefix)), Workload(1_000)
    wave.set_up(session)
    stream = Stream(session, wave, 10)
    stream.reach(0.2)
    query(server.url(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ~ 'fastlakare'")
    stream.reach(0.4)
    server.stop("immediate")
    late = installation.launch()
    until(lambda: "waiting" in late.output() and late.find_address(), 30, "a process that says it waits")
    until(lambda: all(one.ready()[0] == 503 for one in installation.processes), 60, "readiness red")
    assert any("database" in reason for reason in late.ready()[1])
    server.start()
    installation.settle(180)
    until(lambda: all(one.ready()[0] == 200 for one in installation.processes), 60, "readiness green")
    assert wave.faults(session) == []
