"""Runs while the service works and is killed: what comes out is what the model says, as if there had been none (R5)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest

from tests.harness.invariants import breaches
from tests.harness.records import LISTING, STAFF, UNIT
from tests.harness.session import Session
from tests.harness.workload import AWAY, HOME, Workload
from tests.system.conftest import Opener

pytestmark = pytest.mark.system

WHY = ("--yes", "--reason", "beside the service", "--json")
#: between two bursts of ten records
PAUSE_SECONDS = 0.03


@contextmanager
def load(session: Session, wave: Workload, seed: int) -> Iterator[None]:
    """Relistings without end, some three hundred a second: of each patient in one order, so the model can say what must
    come of them."""
    stop, rng = Event(), random.Random(seed)

    def send() -> None:
        while not stop.is_set():
            records = [wave.listing(rng.choice(wave.patients), rng.choice((HOME, AWAY))) for _ in range(10)]
            session.topics.publish(records)
            session.sent += records
            stop.wait(PAUSE_SECONDS)

    sender = Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        stop.set()
        sender.join()
        session.installation.settle()


def test_r5_runs_beside_load_and_kills_change_nothing_that_anybody_hears(opened: Opener) -> None:
    session, wave = opened(2), Workload(150)
    wave.set_up(session)
    installation = session.installation
    session.killed = 1  # what a replay has judged first is no news for the service: outcomes are not the model's
    with load(session, wave, 7):
        for topic in (LISTING, STAFF, UNIT):
            done = installation.run("replay", topic, *WHY, "--rate", "2000")
            assert done.status == 0, done.stderr
            assert done.json()["outcomes"].keys() <= {"unchanged", "stale", "applied"}
            installation.kill(0)
            installation.start(1)
        verified = installation.run("verify", "--json")
        assert (verified.status, verified.json()["differences"]) == (0, [])
    assert breaches(session) == []
    assert list(session.differences()) == []
    assert installation.run("verify").status == 0
