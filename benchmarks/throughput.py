"""The relisting wave: the raw loop, one process, two processes, one after the other on the same servers."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime

import asyncpg
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]
from rich.console import Console
from rich.table import Table

from benchmarks.servers import Servers
from benchmarks.wave import Workload, ended_links, events, seed
from infra.patient_keys import PatientKeys
from tests.harness import processes
from tests.harness.installation import Installation, Process, until

_LISTING = "vardval.listing.v1"
_PUBLISHED = re.compile(r'fastlakare_relay_published_total\{topic="1177\.[^}]*\} ([0-9.e+]+)')
_MOST_SECONDS = 600


@dataclass(frozen=True)
class Drained:
    """One run over the whole wave. CPU in seconds; memory in MB, of the largest worker process."""

    name: str
    seconds: float
    worker: float
    database: float
    broker: float
    memory: float


def drains(servers: Servers, wave: Workload) -> None:
    """Runs all of them, prints the table, and holds the number of events against the expected."""
    console = Console(width=110)
    runs: list[Drained] = []
    for name, count in (("wave1", 1), ("wave2", 2)):
        console.print(f"seeding {wave.patients} linked patients and {wave.events} listing events")
        installation = _filled(servers, wave, name)
        runs.append(_raw(servers, installation, wave))
        runs.append(_product(servers, installation, wave, count))
    console.print(_table(runs, wave))


def _filled(servers: Servers, wave: Workload, name: str) -> Installation:
    """An installation whose tables hold the state before the wave, and whose topic holds the wave."""
    installation = servers.installation(name)
    asyncio.run(_execute(servers.postgres.url(), f"CREATE DATABASE {name}"))
    installation.prepare()
    keys = PatientKeys(installation.settings.secret.encode(), wave.partitions)
    asyncio.run(_seed(installation.database_url, wave, keys))
    producer = Producer({"bootstrap.servers": installation.bootstrap, "linger.ms": 20, "compression.type": "lz4"})
    headers = {
        "ce_specversion": "1.0",
        "ce_source": "wave",
        "ce_type": "se.vgregion.vardval.listing.v1",
        "ce_time": "2026-05-26T08:00:00Z",
        "content-type": "application/json",
    }
    for number, (key, value) in enumerate(events(wave)):
        producer.produce(f"{installation.prefix}{_LISTING}", value, key, headers={**headers, "ce_id": str(number)})
        producer.poll(0)
    assert producer.flush(60) == 0
    return installation


def _raw(servers: Servers, installation: Installation, wave: Workload) -> Drained:
    target = f"{installation.prefix}raw"
    admin = AdminClient({"bootstrap.servers": installation.bootstrap})
    for made in admin.create_topics([NewTopic(target, wave.partitions, 1)]).values():
        made.result()
    words = [installation.bootstrap, f"{installation.prefix}{_LISTING}", target]
    numbers = [str(number) for number in (wave.events, wave.partitions, wave.patients)]
    broker = processes.seconds([servers.kafka.pid])
    command = [sys.executable, "-m", "benchmarks.raw_loop", *words, *numbers]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        seconds = float(process.stdout.read())
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    broker = processes.seconds([servers.kafka.pid]) - broker
    return Drained(
        "raw aiokafka loop", seconds, used.ru_utime + used.ru_stime, 0.0, broker, used.ru_maxrss * 1024 / 1e6
    )


def _product(servers: Servers, installation: Installation, wave: Workload, count: int) -> Drained:
    database, broker = processes.seconds([servers.postgres.pid]), processes.seconds([servers.kafka.pid])
    expected = ended_links(wave)
    try:
        installation.start(count)
        until(lambda: _published(installation) >= expected, _MOST_SECONDS, "all change events", every=0.2)
        ended = datetime.now().timestamp()
        pids = [process.popen.pid for process in installation.processes]
        used = (
            processes.seconds(pids),
            processes.seconds([servers.postgres.pid]) - database,
            processes.seconds([servers.kafka.pid]) - broker,
        )
        memory = max(map(processes.peak_mb, pids))
        assert _published(installation) == expected
    finally:
        installation.stop()
    name = "fastlakare, one process" if count == 1 else f"fastlakare, {count} processes"
    return Drained(name, ended - _first_batch(installation), *used, memory)


def _published(installation: Installation) -> int:
    """Change events that Kafka has committed."""
    pages = [_metrics(installation, process) for process in installation.processes]
    return sum(int(float(number)) for page in pages for number in _PUBLISHED.findall(page))


def _metrics(installation: Installation, process: Process) -> str:
    """Raises AssertionError with the last words of a process that is gone."""
    try:
        return process.get("/metrics")
    except OSError:
        process.popen.wait(10)
        installation.must_live(process)
        raise


def _first_batch(installation: Installation) -> float:
    """When the first listing batch of any process began, in seconds since 1970."""
    began: list[float] = []
    for path in installation.texts:
        for line in path.read_text(errors="replace").splitlines() if path.suffix == ".err" else ():
            entry = json.loads(line)
            if entry.get("event") == "batch" and entry["topic"] == _LISTING:
                began.append(datetime.fromisoformat(entry["timestamp"]).timestamp() - entry["ms"] / 1000)
                break
    return min(began)


def _table(runs: list[Drained], wave: Workload) -> Table:
    table = Table(title=f"relisting wave: {wave.events} events, {wave.share:.0%} to another unit", box=None)
    for column in ("", "events/s", "of the raw loop", "CPU us/event", "worker", "database", "broker", "peak MB"):
        table.add_column(column, justify="left" if not column else "right")
    raw = sum(run.seconds for run in runs if run.name.startswith("raw")) / 2
    for run in runs:
        each = [seconds / wave.events * 1e6 for seconds in (run.worker, run.database, run.broker)]
        table.add_row(
            run.name,
            f"{wave.events / run.seconds:.0f}",
            f"{raw / run.seconds:.2f}",
            f"{sum(each):.1f}",
            *(f"{micros:.1f}" for micros in each),
            f"{run.memory:.0f}",
        )
    return table


async def _seed(url: str, wave: Workload, keys: PatientKeys) -> None:
    connection = await asyncpg.connect(url)
    await seed(connection, wave, keys)
    await connection.close()


async def _execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(sql)
    await connection.close()
