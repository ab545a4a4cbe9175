"""A sender that leaves a transaction open: whoever looks at the service sees that records wait behind it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from confluent_kafka import Producer

from tests.harness.installation import ROOT, Installation, until
from tests.harness.records import LISTING, Record
from tests.harness.session import Session
from tests.harness.topics import WRITER
from tests.harness.workload import HOME, Workload
from tests.scenarios.schedule import Step

pytestmark = pytest.mark.system
INPUTS = ("kiv.staff.v1", "kiv.unit.v1", "vardval.listing.v1", "listning.command.v1", "listning.clock.v1")
PARTITION = 3


def lag(installation: Installation, *words: str) -> tuple[int, dict[str, Any]]:
    """How `fastlakare lag --json` ends, and what it prints."""
    environment = installation.environment()
    command = installation.command("lag", "--json", *words)
    done = subprocess.run(command, env={**os.environ, **environment}, cwd=ROOT, capture_output=True, text=True)
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def write(producer: Producer, installation: Installation, record: Record) -> None:
    """Sends it and waits until Kafka has acknowledged it."""
    topic = f"{installation.prefix}{record.topic}"
    producer.produce(topic, record.value, record.key, PARTITION, headers=list(record.headers))
    assert producer.flush(30) == 0


@contextmanager
def open_transaction(installation: Installation, record: Record) -> Iterator[Producer]:
    """A sender that has written a record and neither commits nor aborts; the caller does."""
    mine = {"transactional.id": f"{installation.prefix}hanging", "transaction.timeout.ms": 15 * 60 * 1000}
    producer = Producer({"bootstrap.servers": installation.bootstrap, **mine, **WRITER})
    producer.init_transactions(30)
    producer.begin_transaction()
    write(producer, installation, record)
    yield producer


def plain(installation: Installation) -> Producer:
    return Producer({"bootstrap.servers": installation.bootstrap, **WRITER})


@pytest.mark.parametrize("commit", [False, True], ids=["aborted", "committed"])
def test_what_waits_behind_an_open_transaction_is_told_until_it_is_handled(session: Session, commit: bool) -> None:
    installation, wave = session.installation, Workload(2)
    session.step(Step([wave.sender.day("2025-05-26")]))
    with open_transaction(installation, wave.listing(wave.patients[0], HOME)) as hanging:
        alone = lag(installation, "--wait", "10")
        write(plain(installation), installation, wave.listing(wave.patients[1], HOME))
        told, waited = lag(installation), lag(installation, "--wait", "5")
        shown, process = installation.lag(), installation.processes[0]
        metrics, ready = process.get("/metrics"), process.ready()
        (hanging.commit_transaction if commit else hanging.abort_transaction)(30)
    after = lag(installation, "--wait", "30")
    none = dict.fromkeys(INPUTS, 0)
    one = {**none, LISTING: 1}
    assert (alone[0], alone[1]["inputs"], alone[1]["behind_open_transaction"]) == (0, none, none)
    assert (told[0], waited[0]) == (0, 1)
    for answer in (told[1], waited[1], shown):
        assert (answer["inputs"], answer["behind_open_transaction"]) == (one, one)
    assert f'fastlakare_records_behind_open_transaction{{topic="{LISTING}"}} 1.0' in metrics
    assert ready == (200, []), "it may still end: red is what waits for longer than a minute"
    assert (after[0], after[1]["inputs"], after[1]["behind_open_transaction"]) == (0, none, none)
    assert installation.outcomes()[LISTING, "applied"] == 1 + commit


@pytest.mark.timed
def test_records_that_wait_for_longer_than_a_minute_turn_readiness_red_until_the_transaction_ends(
    session: Session,
) -> None:
    installation, wave = session.installation, Workload(2)
    session.step(Step([wave.sender.day("2025-05-26")]))
    process = installation.processes[0]
    with open_transaction(installation, wave.listing(wave.patients[0], HOME)) as hanging:
        write(plain(installation), installation, wave.listing(wave.patients[1], HOME))
        until(lambda: process.ready()[0] == 503, 120, "readiness to turn red")
        (reason,) = process.ready()[1]
        hanging.abort_transaction(30)
    assert reason.startswith(
        f"{LISTING}/{PARTITION}/transaction: a transaction of the topic's senders has been open for"
    )
    assert reason.endswith("from offset 0 on; acknowledged records that wait behind it: 1")
    until(lambda: process.ready()[0] == 200, 60, "readiness to turn green")
