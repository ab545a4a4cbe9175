"""Three processes at work while everything breaks; afterwards all that was heard is held against the rules' model."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from time import monotonic

from infra.embedded.ports import free_port
from infra.embedded.postgres import Postgres
from infra.postgres.migrations import upgrade
from tests.chaos.checker import DeliveryReport, check
from tests.chaos.nemesis import PROCESSES, Nemesis
from tests.chaos.workload import Workload
from tests.harness.compare import differences
from tests.harness.faulty_proxy import FaultyProxy
from tests.harness.histories import PATIENTS, World
from tests.harness.installation import Installation, Process, until
from tests.harness.invariants import breaches
from tests.harness.kafka import Kafka
from tests.harness.observed import Observed, distributions, from_model
from tests.harness.postgres import FAST, started_postgres
from tests.harness.records import CLOCK, Record
from tests.harness.session import Session
from tests.harness.topics import Topics
from tests.model.model import Model

PREFIX = "chaos."
_PEOPLE = 40
_PORTION_SECONDS = 0.25
#: what was in before the last fault was recovered must have been answered so long after it
RECOVERY_SECONDS = 120.0
Progress = Callable[[str], None]


@dataclass
class Report:
    """What was done, what came of it and how long it took to recover, in seconds."""

    seed: int
    seconds: float = 0.0
    rounds: int = 0
    sent: Counter[str] = field(default_factory=Counter)
    injected: Counter[str] = field(default_factory=Counter)
    delivery: DeliveryReport = field(default_factory=DeliveryReport)
    recoveries: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


@dataclass
class Testbed:
    """The servers, the network in front of them and the installation behind it."""

    kafka: Kafka
    postgres: Postgres
    kafka_proxy: FaultyProxy
    postgres_proxy: FaultyProxy
    session: Session


@contextmanager
def started_testbed(folder: Path) -> Iterator[Testbed]:
    """Everything started, and stopped afterwards. Only the processes go through the proxies; who looks does not.
    Raises LogNamesPatients (D1)."""
    with ExitStack() as stack:
        postgres = stack.enter_context(started_postgres(folder / "postgres", FAST))
        proxies = FaultyProxy(), FaultyProxy()
        for proxy in proxies:
            stack.callback(proxy.close)
        kafka = _kafka(folder, proxies[0])
        stack.callback(kafka.kill)
        kafka.start()
        upgrade(postgres.url())
        proxies[1].open(postgres.port)
        url = postgres.url().replace(f":{postgres.port}/", f":{proxies[1].port}/")
        installation = Installation(f"127.0.0.1:{proxies[0].port}", url, PREFIX, folder, answer_seconds=2)
        installation.extra["BATCH_RECORDS"] = "40"  # so that there is always a batch to be met in the middle
        stack.callback(installation.stop)
        installation.prepare()
        installation.start(PROCESSES)
        yield Testbed(kafka, postgres, *proxies, Session(installation, Topics(kafka.bootstrap, PREFIX)))


def _kafka(folder: Path, proxy: FaultyProxy) -> Kafka:
    """A broker with a listener of its own behind the proxy."""
    behind = free_port()
    listeners = f"PLAINTEXT://127.0.0.1:{{port}},DOOR://127.0.0.1:{behind},CONTROLLER://127.0.0.1:{{controller}}"
    advertised = f"PLAINTEXT://127.0.0.1:{{port}},DOOR://127.0.0.1:{proxy.port}"
    protocols = "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,DOOR:PLAINTEXT"
    proxy.open(behind)
    return Kafka(
        folder / "kafka",
        {
            "listeners": listeners,
            "advertised.listeners": advertised,
            "listener.security.protocol.map": protocols,
        },
    )


class Supervisor:
    """A history of the small world and a load beside it, each sent in one order only, and faults all along."""

    def __init__(self, testbed: Testbed, seed: int, progress: Progress) -> None:
        self._session, self._progress = testbed.session, progress
        self._rng = random.Random(seed)
        self._world, self._load = World(seed), Workload(seed, _PEOPLE)
        self._nemesis = Nemesis(
            testbed.session.installation,
            testbed.kafka,
            testbed.postgres,
            testbed.kafka_proxy,
            testbed.postgres_proxy,
            self._rng,
        )
        self._history: list[Record] = []
        self._beside: list[Record] = []
        self.report = Report(seed, injected=self._nemesis.injected, faults=self._nemesis.faults)

    def run(self, seconds: float) -> None:
        """Round after round for so long; a round ends when all has been answered and all faults are over."""
        begun = monotonic()
        steps = iter(self._world.steps(int(seconds) // 2 + 40))
        first = next(steps)
        self._history += first.records
        self._beside += first.records  # both begin on the same day
        self._session.step(first)
        for step in self._load.opening():
            self._beside += step.records
            self._session.step(step)
        while monotonic() < begun + seconds:
            self._round(next(steps).records)
        self.report.seconds = monotonic() - begun

    def _round(self, history: Sequence[Record]) -> None:
        self._history += history
        turns = any(record.topic == CLOCK for record in history)
        if turns:
            self._beside += history
        self._send(history)
        end, portion, fault = self._seconds(1.5, 6), self._seconds(0, 0), self._seconds(0, 1.5)
        while monotonic() < end:
            if monotonic() >= portion and not turns:  # what the load's commands say must not depend on the day
                records = self._load.portion()
                self._beside += records
                self._send(records)
                portion = self._seconds(_PORTION_SECONDS, _PORTION_SECONDS)
            if monotonic() >= fault:
                self._nemesis.inject()
                fault = self._seconds(0.2, 3)
            self._wait()
        self._recover()
        self.report.rounds += 1

    def _seconds(self, low: float, high: float) -> float:
        return monotonic() + self._rng.uniform(low, high)

    def _send(self, records: Sequence[Record]) -> None:
        self._session.topics.send(records)
        self._session.sent += records
        self.report.sent.update(record.topic for record in records)

    def _wait(self) -> None:
        self._nemesis.recover()
        self._session.topics.delivered()
        Event().wait(0.02)
        self._progress(
            f"{self.report.rounds} rounds, {len(self._session.sent)} records, {self._nemesis.injected.total()} injected"
        )

    def _recover(self) -> None:
        while not self._nemesis.over:
            self._wait()
        begun = monotonic()
        while not (self._quiet() and self._quiet()):
            if monotonic() > begun + RECOVERY_SECONDS:
                raise AssertionError(
                    f"not recovered after {RECOVERY_SECONDS:.0f} s: {self._session.installation.lag()}"
                )
            self._wait()
        self.report.recoveries.append(monotonic() - begun)

    def _quiet(self) -> bool:
        with suppress(OSError, AssertionError):  # one that ended while it was asked; `mend` says so
            return self._session.topics.delivered() and self._session.installation.quiet()
        return False

    def judge(self) -> Report:
        """Everything that was heard against the model, the database and itself."""
        session, report = self._session, self.report
        until(lambda: all(map(_ready, session.installation.processes)), 60, "every process ready")
        got = session.observe()
        expected = self._expected(got)
        report.delivery = check(expected, session.topics.records)
        report.faults += [*differences(expected, got), *breaches(session, replies=False)]
        report.faults += [f"leaked: {leak}" for leak in session.leaks([*PATIENTS, *self._load.patients])]
        return report

    def _expected(self, got: Observed) -> Observed:
        """The history and the load share nothing but the days, so a model of each says what both must come to."""
        observed = Observed()
        for records in (self._history, self._beside):
            model = Model(settings=self._session.installation.settings, observed=distributions(got, records))
            for record in records:
                model.feed(record)
            one = from_model(model)
            observed.events |= one.events
            observed.replies |= one.replies
            observed.doctors |= one.doctors
            observed.dead += one.dead
        return observed


def _ready(process: Process) -> bool:
    with suppress(OSError):
        return bool(process.find_address()) and process.ready()[0] == 200
    return False
