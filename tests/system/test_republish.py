"""Republish: the present state once more, as it was, and never anything older after anything newer."""

from __future__ import annotations

from threading import Thread
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # it lists no names
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
)

from examples.subscriber import View, take
from tests.harness.installation import Installation, until
from tests.harness.invariants import breaches, query
from tests.harness.records import CHANGES, Record, header
from tests.harness.session import Session
from tests.harness.verified import verified
from tests.harness.workload import AWAY, DOCTORS, HOME, Workload
from tests.model.ids import patient_key
from tests.scenarios.schedule import Step
from tests.system.killing import killed_at_every_step

pytestmark = pytest.mark.system

DOCTOR = "listning.doctor.v1"
WHY = ("--yes", "--reason", "the app lost its view")
#: headers that a record said again has of its own
OWN = {"republished", "fastlakare_run", "fastlakare-seq"}


def republish(installation: Installation, *words: str, status: int = 0, **how: str) -> Any:
    """The document that it prints."""
    done = installation.run("republish", *words, "--json", **how)
    assert done.status == status, done.stdout + done.stderr
    return done.json()


@pytest.fixture
def wave(session: Session) -> Workload:
    """Twenty patients linked at home, of whom six have moved away since and one is protected."""
    wave = Workload(20)
    wave.set_up(session)
    session.step(Step([wave.listing(patient, AWAY) for patient in wave.patients[:6]]))
    session.step(Step([wave.listing(wave.patients[19], HOME, protected=True)]))
    return wave


def said_again(session: Session, before: int, topic: str = CHANGES) -> list[Record]:
    """What was said of the topic since, all of which says so."""
    found = [one for one in session.topics.collect()[before:] if one.topic == topic]
    assert all(header(one.headers, "republished") for one in found)
    return found


def plain(record: Record) -> Any:
    """All of a record but what a repetition adds."""
    return record.key, record.value, sorted((n, v) for n, v in record.headers if n not in OWN)


def newest(records: list[Record], topic: str) -> dict[str | None, Any]:
    """By key the newest record."""
    return {record.key: plain(record) for record in records if record.topic == topic}


def view(records: list[Record]) -> View:
    """What the sample subscriber knows after these records."""
    found: View = {}
    for record in records:
        if record.topic == CHANGES:
            take(found, record.key or "", record.value)
    return found


def test_rv5_all_is_said_again_byte_for_byte_and_a_reader_sees_no_change(session: Session, wave: Workload) -> None:
    """Withdrawn keys too; the preview says how many."""
    before = session.topics.collect()[:]
    preview = republish(session.installation, "--all", "--dry-run")
    assert session.topics.collect() == before
    done = republish(session.installation, "--all", *WHY)
    for told, expected in zip(done["runs"], preview["runs"], strict=True):
        assert [told[name] for name in ("topic", "outcomes", "events", "digest", "range")] == [
            expected[name] for name in ("topic", "outcomes", "events", "digest", "range")
        ]
    assert [run["events"] for run in done["runs"]] == [
        {CHANGES: {"republished": 20}, DOCTOR: 0},
        {CHANGES: 0, DOCTOR: {"republished": 8}},
    ]
    for run, topic in zip(done["runs"], (CHANGES, DOCTOR), strict=True):
        again = said_again(session, len(before), topic)
        assert sorted(map(plain, again), key=str) == sorted(newest(before, topic).values(), key=str)
        for name in ("republished", "fastlakare_run"):
            assert {header(one.headers, name) for one in again} == {run["run"]}
    assert view(session.topics.collect()) == view(before)
    known = view(before)
    lines = [take(known, record.key or "", record.value) for record in said_again(session, len(before))]
    assert set(lines) == {None}
    assert sum(one.value is None for one in said_again(session, len(before))) == 1
    assert republish(session.installation, "--all", "--topic", "1177", "--dry-run")["runs"][0]["outcomes"] == {
        "repeated": 20
    }
    assert breaches(session) == []
    assert verified(session)["differences"] == []


def test_republish_chooses_by_unit_doctor_and_patient_key(session: Session, wave: Workload) -> None:
    installation, secret = session.installation, session.installation.settings.secret
    protected, moved = patient_key(wave.patients[19], secret), patient_key(wave.patients[0], secret)
    url = installation.database_url
    linked = query(url, f"SELECT count(*) FROM link WHERE doctor = '{DOCTORS[0]}'")[0][0]
    ended = sum(
        one["doctor"]["hsa_id"] == DOCTORS[0]
        for one in view(session.topics.collect()).values()
        if one["status"] == "ended"
    )
    for words, patients, pairs in (
        (("--unit", HOME), 19, 4),
        (("--unit", HOME, "--topic", "doctor"), None, 4),
        (("--doctor", f"{HOME}/{DOCTORS[0]}"), linked + ended, 1),
        (("--patient-key", protected, "--patient-key", moved), 2, None),
    ):
        found = {run["topic"]: run["outcomes"] for run in republish(installation, *words, "--dry-run")["runs"]}
        expected = {CHANGES: patients, DOCTOR: pairs}
        assert found == {topic: {"repeated": count} for topic, count in expected.items() if count is not None}
    session.step(Step([wave.sender.staff(DOCTORS[0], 2, protected=True)]))
    (run,) = republish(installation, "--all", "--topic", "doctor", "--dry-run")["runs"]
    assert run["outcomes"] == {"repeated": 8}, "the two null values of the protected doctor too"
    for wrong in ((), ("--all", "--unit", HOME), ("--patient-key", wave.patients[0]), ("--doctor", HOME)):
        refused = installation.run("republish", *wrong, "--dry-run")
        assert refused.status == 2
    assert session.leaks(wave.patients) == []


def test_rv4_beside_a_wave_the_last_record_of_each_key_is_the_highest(session: Session, wave: Workload) -> None:
    """The same keys are said again, over and over, while their links begin and end."""
    commands = [
        wave.sender.command(name, HOME, patient_id=patient, **fields)
        for turn in range(15)
        for patient in wave.patients[6:19]
        for name, fields in (
            ("unlink-patient", {}),
            ("link-patient", {"doctor_hsa_id": DOCTORS[turn % 4]}),
        )
    ]
    sending = Thread(target=lambda: session.step(Step(commands), timeout=120))
    sending.start()
    try:
        runs = [republish(session.installation, "--all", *WHY, "--rate", "10000", BATCH_RECORDS="3") for _ in "ab"]
    finally:
        sending.join()
    assert all(run["state"] == "done" for done in runs for run in done["runs"])
    revisions: dict[str | None, int] = {}
    for one in session.topics.collect():
        if one.topic == CHANGES:
            revision = int((header(one.headers, "ce_id") or "").rpartition("/")[2])
            assert revision >= revisions.get(one.key, 0), "something older after something newer"
            revisions[one.key] = revision
    assert breaches(session) == []
    assert verified(session)["differences"] == []


def test_o4_killed_at_every_step_and_resumed_each_key_is_said_once(session: Session, wave: Workload) -> None:
    before = len(session.topics.collect())
    done = killed_at_every_step(session, "republish", "--all", "--topic", "1177", *WHY, batch=2)
    assert done["outcomes"] == {"repeated": 20}
    again = said_again(session, before)
    assert len(again) == len({one.key for one in again}) == 20
    assert breaches(session) == []


def test_republish_says_null_values_that_the_topic_holds_no_more(session: Session, wave: Workload) -> None:
    """As compaction takes them 30 days after; here all that 1177 was told is gone."""
    installation = session.installation
    null = next(one for one in session.topics.collect() if one.topic == CHANGES and one.value is None)
    before = len(session.topics.records)
    name, admin = installation.prefix + CHANGES, AdminClient({"bootstrap.servers": installation.bootstrap})
    entry = ConfigEntry("cleanup.policy", "compact,delete", incremental_operation=AlterConfigOpType.SET)
    topic = ConfigResource(ConfigResource.Type.TOPIC, name, incremental_configs=[entry])
    admin.incremental_alter_configs([topic])[topic].result()

    def emptied() -> bool:
        done = admin.delete_records([TopicPartition(name, one, -1) for one in range(installation.partitions)])
        return all(one.exception() is None for one in done.values())

    until(emptied, 20, "the broker to allow it")
    (preview,) = republish(installation, "--all", "--topic", "1177", "--dry-run")["runs"]
    (run,) = republish(installation, "--all", "--topic", "1177", *WHY)["runs"]
    assert run["outcomes"] == preview["outcomes"] == {"repeated": 1}
    assert run["digest"] == preview["digest"]
    (again,) = said_again(session, before)
    assert (again.key, again.value) == (null.key, None)
    for name in ("ce_id", "ce_subject", "ce_type", "ce_source"):
        assert header(again.headers, name) == header(null.headers, name)
