"""`fastlakare verify` on a running installation: nothing where all is in order, whatever is planted where it is not."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from confluent_kafka import Producer

from infra.embedded.postgres import Postgres
from infra.patient_keys import partition_of
from tests.conftest import database
from tests.harness.installation import ROOT, Installation, until
from tests.harness.processes import heed_ctrl_c
from tests.harness.records import CHANGES, DOCTOR, REPLY
from tests.harness.session import Session
from tests.harness.topics import Topics
from tests.harness.verified import execute, run_verify, unverified, verified
from tests.harness.workload import AWAY, DOCTORS, HOME, Workload
from tests.model.ids import patient_key
from tests.scenarios.schedule import Step
from tests.system.conftest import Opener

pytestmark = pytest.mark.system

PATIENTS = 24
CHECKS = ["1177", "doctor", "links", "ceilings", "revisions", "sequences", "replies", "protected", "audit"]


@pytest.fixture(scope="module")
def wave() -> Workload:
    return Workload(PATIENTS)


@pytest.fixture(scope="module")
def town(kafka: Any, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory, wave: Workload) -> Iterator[Session]:
    """An installation of many events, in order: links, ends, refusals, a ceiling that was lowered and one that was
    overridden, protected patients. What a test plants it takes away again."""
    with database(postgres, "template_fastlakare") as url:
        installation = Installation(kafka.bootstrap, url, "verified.", tmp_path_factory.mktemp("verified"))
        installation.prepare(migrate=False)
        installation.start(2)
        session = Session(installation, Topics(kafka.bootstrap, installation.prefix))
        wave.set_up(session)
        live(session, wave)
        yield session
        installation.stop()


def live(session: Session, wave: Workload) -> None:
    sender, patients = wave.sender, wave.patients
    profile = {"patient_ceiling": 1}
    session.step(Step([wave.listing(one, AWAY) for one in patients[:6]]))
    session.step(Step([sender.command("update-doctor-profile", HOME, doctor_hsa_id=DOCTORS[0], profile=profile)]))
    session.step(Step([sender.command("activate-doctor", AWAY, doctor_hsa_id=DOCTORS[0], profile=profile)]))
    link = [
        sender.command("link-patient", AWAY, patient_id=one, doctor_hsa_id=DOCTORS[0], override=["ceiling"])
        for one in patients[:2]
    ]
    session.step(Step([*link, sender.command("link-patient", AWAY, patient_id=patients[2], doctor_hsa_id=DOCTORS[0])]))
    session.step(Step([sender.listing(patients[0], 99, patient_key(patients[0], "vardval"), protected=True)]))
    session.step(Step([sender.staff(DOCTORS[3], 2, protected=True)]))
    session.step(Step([sender.unit(HOME, 2, name="Hemmet på torget")]))


def key_of(session: Session, patient: str) -> str:
    return patient_key(patient, session.installation.settings.secret)


def test_v4_an_installation_in_order_has_no_differences(town: Session) -> None:
    report = verified(town)
    assert report["differences"] == []
    assert list(report["checks"]) == CHECKS
    compared = {name: result["compared"] for name, result in report["checks"].items()}
    assert all(compared.values()), compared
    assert compared["1177"] == PATIENTS
    through = report["verified_through"]
    assert through["outbox"].keys() >= {f"{CHANGES}/{number}" for number in range(town.installation.partitions)}
    assert through["inputs"]["listning.clock.v1/0"] > 0


LINKED = "(SELECT patient_id FROM link ORDER BY 1 DESC LIMIT 1)"
KEY = f"(SELECT key FROM patient WHERE id = {LINKED})"
#: by check what is planted, and what takes it away again
PLANTS: list[tuple[str, str, str]] = [
    ("1177", "UPDATE doctor SET name = name || 'x'", "UPDATE doctor SET name = left(name, -1)"),
    ("1177", "UPDATE link SET start_day = start_day - 1", "UPDATE link SET start_day = start_day + 1"),
    (
        "1177",
        "INSERT INTO forgotten VALUES ('aaaaaaaaaaaaaaaaaaaaaaaaaa', 1, 1, 'moved')",
        "DELETE FROM forgotten WHERE key = 'aaaaaaaaaaaaaaaaaaaaaaaaaa'",
    ),
    (
        "doctor",
        "UPDATE roster SET statistics = '[99, 0]' WHERE published IS NOT NULL",
        "UPDATE roster SET statistics = json_build_array((SELECT count(*) FROM link WHERE link.unit = roster.unit AND"
        " link.doctor = roster.doctor), 0) WHERE published IS NOT NULL",
    ),
    ("doctor", "UPDATE roster SET revision = revision + 1", "UPDATE roster SET revision = revision - 1"),
    (
        "links",
        f"UPDATE patient SET current_unit = '{AWAY}' WHERE id = {LINKED}",
        f"UPDATE patient SET current_unit = '{HOME}' WHERE id = {LINKED}",
    ),
    ("links", "UPDATE doctor SET licensed = false", "UPDATE doctor SET licensed = NOT protected"),
    ("links", "UPDATE roster SET active = false", "UPDATE roster SET active = activated"),
    ("links", "INSERT INTO link VALUES (1, 'u', 'd', '2025-01-01')", "DELETE FROM link WHERE patient_id = 1"),
    (
        "ceilings",
        "UPDATE roster SET profile = (profile::jsonb || '{\"patient_ceiling\": 0}')::json WHERE unit = '" + HOME + "'"
        f" AND doctor = '{DOCTORS[1]}'",
        "UPDATE roster SET profile = (profile::jsonb || '{\"patient_ceiling\": null}')::json WHERE unit = '"
        + HOME
        + "'"
        f" AND doctor = '{DOCTORS[1]}'",
    ),
    ("replies", "UPDATE command SET value = value || 'x'::bytea", "UPDATE command SET value = left_bytes(value)"),
    (
        "replies",
        "INSERT INTO command SELECT 'x', partition, key, value, convert_to('[[\"ce_id\", \"reply/no/1\"]]', 'UTF8')"
        " FROM command WHERE headers IS NOT NULL LIMIT 1",
        "DELETE FROM command WHERE name = 'x'",
    ),
    (
        "protected",
        f"INSERT INTO forgotten SELECT key, 1, 0, 'protected' FROM patient WHERE id = {LINKED}",
        "DELETE FROM forgotten WHERE revision = 0",
    ),
    (
        "protected",
        "UPDATE doctor SET vgr_id = 'jonka3' WHERE protected",
        "UPDATE doctor SET vgr_id = NULL WHERE protected",
    ),
    (
        "audit",
        "INSERT INTO patient SELECT 2, 'bbbbbbbbbbbbbbbbbbbbbbbbbb', 0, 1, 1, true",
        "DELETE FROM patient WHERE id = 2",
    ),
]


@pytest.mark.parametrize(("check", "plant", "undo"), PLANTS, ids=[f"{one[0]}-{n}" for n, one in enumerate(PLANTS)])
def test_v5_a_difference_that_is_planted_in_the_database_is_found(
    town: Session, wave: Workload, check: str, plant: str, undo: str
) -> None:
    if "left_bytes" in undo:
        undo = "UPDATE command SET value = substring(value FOR octet_length(value) - 1)"
    execute(town, plant)
    try:
        report = verified(town, check)
    finally:
        execute(town, undo)
    assert report["checks"][check]["differences"]
    assert {one["check"] for one in report["differences"]} == {check}
    printed = json.dumps(report)
    assert not [one for one in wave.patients if one in printed or one[2:] in printed]
    assert unverified(town) == []


@pytest.mark.parametrize(
    ("topic", "check"), [(CHANGES, "1177"), (CHANGES, "revisions"), (DOCTOR, "doctor"), (REPLY, "sequences")]
)
def test_v5_a_record_of_a_stranger_in_an_output_topic_is_found(session: Session, topic: str, check: str) -> None:
    wave = Workload(4)
    wave.set_up(session)
    assert unverified(session) == []
    newest = [record for record in session.topics.collect() if record.topic == topic][-1]
    producer = Producer({"bootstrap.servers": session.installation.bootstrap})
    headers: Any = [(name, value) for name, value in newest.headers if name != "fastlakare-seq"]
    place = partition_of((newest.key or "").encode(), session.installation.partitions)
    producer.produce(session.installation.prefix + topic, b"{}", newest.key, place, headers=headers)
    producer.flush(10)
    differences = unverified(session)
    assert check in {one[0] for one in differences}, differences
    assert "sequences" in {one[0] for one in differences}


def test_v4_there_is_no_false_alarm_while_the_service_works(opened: Opener) -> None:
    session = opened(2)
    wave = Workload(150)
    wave.set_up(session)
    records, stop, rate = wave.stream(40), Event(), 500

    def send() -> None:
        for at in range(0, len(records), rate // 20):
            session.topics.send(records[at : at + rate // 20])
            session.topics.producer.poll(0)
            if stop.wait(0.05):
                return

    sender = Thread(target=send)
    sender.start()
    try:
        reports = [verified(session)]
        while sender.is_alive():
            reports.append(verified(session))
    finally:
        stop.set()
        sender.join()
    assert [one for report in reports for one in report["differences"]] == []
    assert len(reports) > 1
    behind = [report["verified_through"]["outbox"] for report in reports]
    assert behind[0] != behind[-1]
    session.installation.settle()
    assert unverified(session) == []


def test_v4_there_is_no_false_alarm_while_processes_are_killed(opened: Opener) -> None:
    session = opened(2)
    wave = Workload(60)
    wave.set_up(session)
    for turn in range(4):
        session.topics.publish([wave.listing(one, (HOME, AWAY)[turn % 2]) for one in wave.patients])
        session.installation.kill(0)
        session.installation.start(1)
        assert unverified(session) == []
    session.installation.settle()


def metric(session: Session, name: str) -> float:
    (found,) = re.findall(rf"^{name} (\S+)$", session.installation.processes[0].get("/metrics"), flags=re.MULTILINE)
    return float(found)


def test_v5_the_service_verifies_itself_and_tells_prometheus(opened: Opener) -> None:
    session = opened(1, VERIFY_EVERY="0.2")
    wave = Workload(4)
    wave.set_up(session)
    last, differences = "fastlakare_verify_last_success_timestamp_seconds", "fastlakare_verify_differences"
    begun = time.time()
    until(lambda: metric(session, last) > begun, 30, "a verification")
    assert metric(session, differences) == 0
    execute(session, "UPDATE link SET start_day = start_day - 1")
    until(lambda: metric(session, differences) == 4, 30, "a verification that finds it")
    log = session.installation.processes[0].output()
    assert '"event": "differences found"' in log.replace('":"', '": "')
    assert session.leaks(wave.patients) == []


def test_v5_the_command_prints_one_document_and_ends_with_1_where_something_differs(town: Session) -> None:
    done = run_verify(town, "--json")
    assert (done.returncode, json.loads(done.stdout)["differences"]) == (0, []), done.stderr
    execute(town, "UPDATE link SET start_day = start_day - 1")
    try:
        done = run_verify(town, "--json", "--only", "1177,links")
        table = run_verify(town, "--only", "1177")
    finally:
        execute(town, "UPDATE link SET start_day = start_day + 1")
    document = json.loads(done.stdout)
    assert done.returncode == table.returncode == 1
    assert list(document) == ["checks", "differences", "verified_through"]
    assert list(document["checks"]) == ["1177", "links"]
    assert {one["check"] for one in document["differences"]} == {"1177"}
    assert set(document["differences"][0]) == {"check", "key", "what"}
    assert "start: 1177 has" in table.stdout


def test_v5_an_installation_of_other_settings_is_refused_and_not_compared(town: Session) -> None:
    done = run_verify(town, "--json", ON_DOCTOR_LEFT="keep")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("fastlakare: FASTLAKARE_ON_DOCTOR_LEFT is 'keep' here")
    done = run_verify(town, "--only", "1177,nonsense")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no such check: nonsense" in done.stderr


def test_v5_again_and_again_there_is_a_document_each_until_ctrl_c(town: Session, tmp_path: Path) -> None:
    command = town.installation.command("verify", "--json", "--every", "0.1", "--only", "links")
    env = town.installation.environment()
    with subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.PIPE, preexec_fn=heed_ctrl_c) as process:
        assert process.stdout is not None
        documents = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(2)
        assert process.wait(20) == 0
    assert [one["checks"]["links"]["differences"] for one in documents] == [0, 0]
