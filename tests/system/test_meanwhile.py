"""While one vårdcentral's command takes its time, the others' are answered."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from dataclasses import replace
from statistics import median

import asyncpg
import pytest

from infra.patient_keys import partition_of
from tests.harness.installation import until
from tests.harness.invariants import breaches, query
from tests.harness.processes import peak_mb
from tests.harness.records import REPLY, Record, header
from tests.harness.session import Session
from tests.harness.subscriber import Subscriber
from tests.harness.workload import AWAY, DOCTORS, HOME, Workload
from tests.scenarios.schedule import Step
from tests.system.conftest import Opener

ROWS, OTHERS = 22_000, 20

pytestmark = pytest.mark.system

_BLOCKED = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def test_a_command_that_waits_for_the_database_keeps_no_other_partition_waiting(session: Session) -> None:
    wave = Workload(8)
    for step in wave.opening():
        session.step(step)
    slow, quick = (_linking(session, wave, wave.patients[n], DOCTORS[n], partition=n) for n in range(2))

    async def race() -> bool:
        holder = await asyncpg.connect(session.installation.database_url)
        try:
            async with holder.transaction():
                await holder.execute("SELECT FROM doctor WHERE hsa_id = $1 FOR UPDATE", DOCTORS[0])
                await asyncio.to_thread(_send, session, slow)
                await asyncio.to_thread(
                    until, lambda: query(session.installation.database_url, _BLOCKED), 10, "it waits"
                )
                return await asyncio.to_thread(_answered, session, quick)
        finally:
            await holder.close()

    assert asyncio.run(race())
    session.installation.settle()
    assert not breaches(session)


def test_a_process_that_dies_after_it_answered_ahead_of_a_file_leaves_nothing_to_answer_twice(session: Session) -> None:
    wave = Workload(60)
    for step in wave.opening():
        session.step(step)
    in_file, others = wave.patients[:40], wave.patients[40:]
    session.step(Step([wave.listing(patient, AWAY) for patient in others]))
    home = partition_of(HOME.encode(), session.installation.partitions)
    links = [_linking(session, wave, patient, DOCTORS[3], home, AWAY) for patient in others]
    rows = [
        {"row": n, "patient_id": patient, "unit_hsa_id": HOME, "doctor_hsa_id": DOCTORS[0]}
        for n, patient in enumerate(in_file)
    ]
    last = wave.sender.command("import-links", HOME, import_id="file", part=1, parts=1, rows=rows)

    async def race() -> None:
        holder = await asyncpg.connect(session.installation.database_url)
        try:
            async with holder.transaction():
                await holder.execute("SELECT FROM doctor WHERE hsa_id = $1 FOR UPDATE", DOCTORS[0])
                for record in (last, *links[:10]):
                    await asyncio.to_thread(_send, session, record)
                await asyncio.to_thread(until, lambda: len(_replies(session, links)) == 10, 10, "ten replies")
                assert await holder.fetchval("SELECT count(*) FROM processed_ahead") == 10
                session.installation.kill(0)
                session.installation.start(1)
                for record in links[10:]:
                    await asyncio.to_thread(_send, session, record)
        finally:
            await holder.close()

    asyncio.run(race())
    session.killed += 1
    session.installation.settle()
    assert not breaches(session)
    assert Counter(_replies(session, links)) == Counter(header(record.headers, "ce_id") for record in links)
    assert query(session.installation.database_url, "SELECT FROM processed_ahead") == []


@pytest.mark.timed
def test_others_are_answered_while_a_large_file_is_judged_and_memory_stays_small(opened: Opener) -> None:
    """Those in another partition, and those behind it in its own."""
    session = opened(1)
    wave = Workload(ROWS + OTHERS)
    for step in wave.opening():
        session.step(step, 120)
    *parts, last = _file(wave)
    others = wave.patients[ROWS:]
    session.step(Step([*parts, *(wave.listing(patient, AWAY) for patient in others)]), 120)
    count = session.installation.partitions
    home = partition_of(HOME.encode(), count)
    links = [
        _linking(session, wave, patient, DOCTORS[3], (home + n % 2) % count, AWAY) for n, patient in enumerate(others)
    ]
    waits, file_wait = _waits(session, last, links)
    elsewhere, behind = waits[1::2], waits[::2]
    assert median(elsewhere) < 1
    assert median(behind) < 1
    assert max(waits) < file_wait
    assert peak_mb(session.installation.processes[0].popen.pid) < 300
    session.installation.settle()
    assert query(session.installation.database_url, "SELECT FROM processed_ahead") == []
    assert not breaches(session, replies=False)  # the parts of a file have one reply between them


def _file(wave: Workload) -> list[Record]:
    """The parts of an import that gives the first patients to the first doctors."""
    rows = [
        {"row": n + 2, "patient_id": patient, "unit_hsa_id": HOME, "doctor_hsa_id": DOCTORS[n % 3]}
        for n, patient in enumerate(wave.patients[:ROWS])
    ]
    parts = [rows[at : at + 2000] for at in range(0, ROWS, 2000)]
    return [
        wave.sender.command("import-links", HOME, import_id="file", part=n, parts=len(parts), rows=part)
        for n, part in enumerate(parts, start=1)
    ]


def _waits(session: Session, last: Record, links: list[Record]) -> tuple[list[float], float]:
    """Sends the last part and then a link every 50 ms; the seconds from then to the reply, of the links and of it."""
    subscriber = Subscriber(session.installation)
    sent: dict[str, float] = {}
    for record in (last, *links):
        _send(session, record)
        sent[header(record.headers, "ce_id") or ""] = time.perf_counter()
        subscriber.listen(0.05)
    subscriber.until(replies=len(sent))
    subscriber.require_promised()
    answered = {json.loads(message.value() or b"")["command_id"]: at for at, message in subscriber.records[REPLY]}
    file_wait, *waits = (answered[id] - at for id, at in sent.items())
    return waits, file_wait


def _linking(session: Session, wave: Workload, patient: str, doctor: str, partition: int, unit: str = HOME) -> Record:
    """A link to the doctor, in this partition of the commands."""
    command = wave.sender.command("link-patient", unit, patient_id=patient, doctor_hsa_id=doctor)
    keys = (f"{unit}-{n}" for n in range(1000))
    count = session.installation.partitions
    return replace(command, key=next(key for key in keys if partition_of(key.encode(), count) == partition))


def _send(session: Session, record: Record) -> None:
    session.topics.publish([record])
    session.sent.append(record)


def _replies(session: Session, commands: list[Record]) -> list[str]:
    """The ids of those of the commands that have been answered, as often as they were."""
    session.topics.collect()
    asked = {header(record.headers, "ce_id") for record in commands}
    answers = (json.loads(one.value or b"")["command_id"] for one in session.topics.records if one.topic == REPLY)
    return [id for id in answers if id in asked]


def _answered(session: Session, record: Record) -> bool:
    """Waits until there is one reply more."""
    before = sum(one.topic == REPLY for one in session.topics.collect())
    _send(session, record)
    until(lambda: sum(one.topic == REPLY for one in session.topics.collect()) > before, 10, "a reply")
    return True
