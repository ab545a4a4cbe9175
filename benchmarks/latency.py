"""What people wait for: the first load, an import, a move, a doctor who leaves, one event among 500 a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median, quantiles

import asyncpg
import orjson
from confluent_kafka import Message, Producer
from rich.console import Console
from rich.table import Table

from benchmarks.servers import Servers
from benchmarks.wave import UNITS, personnummer
from infra.patient_keys import partition_of
from tests.harness import processes
from tests.harness.installation import Installation
from tests.harness.records import Record, Sender, choice, employment
from tests.harness.subscriber import Subscriber
from tests.model.ids import patient_key

TODAY = "2026-05-26"
UNIT = UNITS[0]
DOCTORS = [f"SE2321000131-E{7_600 + n:012d}" for n in range(11)]
IMPORTED, PART = 22_000, 2_000
PARTITIONS = 12
COMMANDS_PER_SECOND = 20
STEADY, PER_SECOND = 10_000, 500


def _neighbours() -> dict[str, str]:
    """Vårdcentraler with a doctor each: all those of UNIT's own partition, and as many others."""
    home = partition_of(UNIT.encode(), PARTITIONS)
    near = [unit for unit in UNITS[1:] if partition_of(unit.encode(), PARTITIONS) == home]
    far = [unit for unit in UNITS[1:] if unit not in near]
    chosen = near + far[:: len(far) // len(near)]
    return {unit: f"SE2321000131-F{n:012d}" for n, unit in enumerate(chosen)}


NEIGHBOURS = _neighbours()


@dataclass
class Scenario:
    """A running installation of one process, with what was measured of it."""

    installation: Installation
    sender: Sender = field(default_factory=lambda: Sender(datetime(2026, 5, 26, 8, tzinfo=UTC), source="bench"))
    figures: list[tuple[str, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        wanted = {"bootstrap.servers": self.installation.bootstrap, "linger.ms": 0, "partitioner": "murmur2_random"}
        self._producer = Producer(wanted)

    def send(self, *records: Record) -> float:
        """Returns when the last one was handed over and acknowledged."""
        for record in records:
            self.produce(record)
        assert self._producer.flush(120) == 0
        return time.perf_counter()

    def produce(self, record: Record) -> None:
        """Hands it to the producer."""
        topic = f"{self.installation.prefix}{record.topic}"
        self._producer.produce(topic, record.value, record.key, headers=list(record.headers))
        self._producer.poll(0)

    def leave(self) -> None:
        """The processes end in order, so that their partitions are free at once."""
        for process in self.installation.processes:
            process.popen.terminate()
            process.popen.wait(30)
        self.installation.processes.clear()

    def peak_mb(self) -> float:
        """The most memory that the process has had."""
        return processes.peak_mb(self.installation.processes[0].popen.pid)

    def record(self, what: str, figure: str, promise: str) -> None:
        """Notes a figure for the table."""
        self.figures.append((what, figure, promise))


def measure_latency(servers: Servers, listings: int) -> None:
    """Runs the acts one after the other on one process and prints their figures beside what is promised."""
    console = Console(width=110)
    installation = servers.installation("latency")
    asyncio.run(_create(servers.postgres.url(), "latency"))
    installation.prepare()
    stage = Scenario(installation)
    try:
        _acts(stage, personnummer(listings), console)
    finally:
        installation.stop()
    table = Table(title="what people wait for (one process)", box=None)
    for column in ("", "seen", "promised"):
        table.add_column(column)
    for row in stage.figures:
        table.add_row(*row)
    console.print(table)


def _acts(stage: Scenario, patients: list[str], console: Console) -> None:
    _load(stage, patients, console)
    subscriber = Subscriber(stage.installation)
    _import(stage, subscriber, patients[:IMPORTED])
    _import_beside_others(stage, subscriber, patients)
    _move(stage, subscriber)
    _leave(stage, subscriber)
    _steady(stage, subscriber, patients[3 * PART : 3 * PART + STEADY])
    stage.record("peak memory of the process until here", f"{stage.peak_mb():.0f} MB", "300 MB")
    _replay(stage, patients, console)
    stage.record("peak memory of the process that replayed", f"{stage.peak_mb():.0f} MB", "300 MB")


def _load(stage: Scenario, patients: list[str], console: Console) -> None:
    """The whole region for the first time: units, doctors and every patient's listing."""
    sender = stage.sender
    console.print(f"sending {len(patients)} listings")
    for record in _listings(stage, patients, 1):
        stage.produce(record)
    stage.send(sender.day(TODAY), *(sender.unit(unit, 1) for unit in UNITS))
    doctors = [*((UNIT, doctor) for doctor in DOCTORS), *NEIGHBOURS.items()]
    stage.send(*(sender.staff(doctor, 1, employments=[employment(unit)]) for unit, doctor in doctors))
    began = time.perf_counter()
    stage.installation.start(1)
    stage.installation.settle(timeout=900)
    seconds = time.perf_counter() - began
    rate = len(patients) / seconds
    stage.record(f"first load of {len(patients)} listings, start of the process included", f"{seconds:.1f} s", "")
    stage.record("", f"{rate:.0f} a second", f"{1_772_821 / 120:.0f} a second (1.77 million in two minutes)")
    subscriber = Subscriber(stage.installation)
    stage.send(*(sender.command("activate-doctor", unit, doctor_hsa_id=doctor) for unit, doctor in doctors))
    subscriber.until(replies=len(doctors))


def _import(stage: Scenario, subscriber: Subscriber, patients: list[str]) -> None:
    """Everybody at the unit gets a doctor."""
    last = _all_but_the_last_part(stage, patients, "first", DOCTORS)
    sent = stage.send(last)
    done = subscriber.until(events=len(patients), replies=1)
    stage.record(
        f"import of {len(patients)} rows: last part in, to reply and all events", f"{done - sent:.2f} s", "3 s"
    )


def _import_beside_others(stage: Scenario, subscriber: Subscriber, patients: list[str]) -> None:
    """Everybody at the unit gets another doctor, while other vårdcentraler link one patient after the other."""
    subscriber.forget()
    last = _all_but_the_last_part(stage, patients[:IMPORTED], "second", [*DOCTORS[1:], DOCTORS[0]])
    commands = _links_of_neighbours(stage, patients)
    sent: dict[str, float] = {}
    began = stage.send(last)
    while len(subscriber.records[subscriber.topics[0]]) < IMPORTED:
        while (left := began + len(sent) / COMMANDS_PER_SECOND - time.perf_counter()) > 0:
            subscriber.listen(left)
        id, record = next(commands)
        sent[id] = time.perf_counter()
        stage.produce(record)
    subscriber.until(events=IMPORTED + len(sent), replies=1 + len(sent))
    own = max(at for at, message in subscriber.records[subscriber.topics[1]] if _command_id(message) not in sent)
    home = partition_of(UNIT.encode(), PARTITIONS)
    waits: dict[bool, list[float]] = {False: [], True: []}
    for at, message in subscriber.records[subscriber.topics[1]]:
        if (id := _command_id(message)) in sent:
            waits[message.partition() == home].append(at - sent[id])
    stage.record("the same beside the commands of others: to its reply", f"{own - began:.2f} s", "3 s")
    seen = f"{median(waits[False]):.2f} s, {max(waits[False]):.2f} s"
    stage.record(f"{len(waits[False])} commands of others meanwhile: to the reply (p50, worst)", seen, "1 s")
    seen = f"{median(waits[True]):.2f} s, {max(waits[True]):.2f} s"
    stage.record(f"{len(waits[True])} commands behind it in its partition: to the reply (p50, worst)", seen, "1 s")


def _all_but_the_last_part(stage: Scenario, patients: list[str], import_id: str, doctors: list[str]) -> Record:
    """Sends the parts of an import, PART patients to each doctor; returns the last, still to be sent."""
    rows = [
        {"row": n + 2, "patient_id": patient, "unit_hsa_id": UNIT, "doctor_hsa_id": doctors[n // PART]}
        for n, patient in enumerate(patients)
    ]
    parts = [rows[at : at + PART] for at in range(0, len(rows), PART)]
    records = [
        stage.sender.command("import-links", UNIT, import_id=import_id, part=n + 1, parts=len(parts), rows=part)
        for n, part in enumerate(parts)
    ]
    stage.send(*records[:-1])
    stage.installation.settle()
    return records[-1]


def _links_of_neighbours(stage: Scenario, patients: list[str]) -> Iterator[tuple[str, Record]]:
    """Commands of unit after unit with their ids, each for a patient who is listed there and has no doctor."""
    for n, patient in enumerate(patients[IMPORTED:], start=IMPORTED):
        unit = UNITS[n % len(UNITS)]
        if unit in NEIGHBOURS:
            id = f"neighbour-{n}"
            fields = {"id": id, "patient_id": patient, "doctor_hsa_id": NEIGHBOURS[unit]}
            yield id, stage.sender.command("link-patient", unit, **fields)


def _move(stage: Scenario, subscriber: Subscriber) -> None:
    subscriber.forget()
    fields = {"from_doctor_hsa_id": DOCTORS[0], "to_doctor_hsa_id": DOCTORS[1]}
    sent = stage.send(stage.sender.command("move-patients", UNIT, **fields))
    done = subscriber.until(events=PART, replies=1)
    stage.record(f"{PART} patients are moved", f"{done - sent:.2f} s", "1 s")


def _leave(stage: Scenario, subscriber: Subscriber) -> None:
    subscriber.forget()
    sent = stage.send(stage.sender.staff(DOCTORS[2], 2, employments=[]))
    done = subscriber.until(events=PART)
    stage.record(f"a doctor with {PART} patients leaves", f"{done - sent:.2f} s", "1 s")


def _steady(stage: Scenario, subscriber: Subscriber, patients: list[str]) -> None:
    """So many relistings a second, each of which ends a link."""
    subscriber.forget()
    sent: dict[str, float] = {}
    secret = stage.installation.settings.secret
    keys = {patient: patient_key(patient, secret) for patient in patients}
    began = time.perf_counter()
    for n, (patient, record) in enumerate(zip(patients, _listings(stage, patients, 2, UNITS[1:2]), strict=True)):
        while (left := began + n / PER_SECOND - time.perf_counter()) > 0:
            subscriber.listen(left)
        sent[keys[patient]] = time.perf_counter()
        stage.produce(record)
    subscriber.until(events=len(patients))
    waits = [1000 * (at - sent[_key(message)]) for at, message in subscriber.records[subscriber.topics[0]]]
    cuts = quantiles(waits, n=100)
    seen = f"{cuts[49]:.0f} ms, {cuts[98]:.0f} ms"
    stage.record(f"{PER_SECOND} events a second: in, to event out (p50, p99)", seen, "")


def _replay(stage: Scenario, patients: list[str], console: Console) -> None:
    """The same facts once more: nothing changes."""
    again = patients[IMPORTED:]
    console.print(f"sending {len(again)} unchanged listings")
    stage.leave()
    for record in _listings(stage, again, 1, start=IMPORTED):
        stage.produce(record)
    stage.send()
    began = time.perf_counter()
    stage.installation.start(1)
    stage.installation.settle(timeout=900)
    rate = len(again) / (time.perf_counter() - began)
    stage.record("replay of unchanged listings", f"{rate:.0f} a second", "faster than the first load")


def _listings(
    stage: Scenario, patients: list[str], sequence: int, units: list[str] | None = None, start: int = 0
) -> Iterable[Record]:
    """The first 22 000 patients are listed at one unit, the others all over the region."""
    for n, patient in enumerate(patients, start=start):
        unit = units[n % len(units)] if units else UNIT if n < IMPORTED else UNITS[n % len(UNITS)]
        yield stage.sender.listing(patient, sequence, f"{n}", current=choice(unit, "2026-01-01"), care_burden=1.5)


def _command_id(message: Message) -> str:
    return str(orjson.loads(message.value() or b"{}")["command_id"])


def _key(message: Message) -> str:
    return (message.key() or b"").decode()


async def _create(url: str, name: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
