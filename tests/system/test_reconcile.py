"""Reconcile: what the topics say against what the database holds, with differences planted in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from tests.harness.installation import Installation
from tests.harness.invariants import breaches, query
from tests.harness.postgres import execute
from tests.harness.records import CHANGES, choice
from tests.harness.session import Session
from tests.harness.workload import AWAY, DOCTORS, HOME, Workload
from tests.model.ids import patient_key
from tests.scenarios.schedule import Step

pytestmark = pytest.mark.system

WHY = ("--yes", "--reason", "restored from a backup")
NOTHING = {"equal": 0, "missing": 0, "older": 0, "different": 0, "newer": 0, "extra": 0}


def reconcile(installation: Installation, *words: str, status: int = 0, **how: str) -> Any:
    """The document that it prints."""
    done = installation.run("reconcile", *words, "--json", **how)
    assert done.status == status, done.stdout + done.stderr
    return done.json()


def counts(**kinds: int) -> dict[str, int]:
    """Those of one topic, as they are told."""
    return NOTHING | kinds


@pytest.fixture
def wave(session: Session) -> Workload:
    """Twenty patients linked at home, of whom six have moved away since, one is protected and one has a new id."""
    wave = Workload(21)
    wave.patients, new = wave.patients[:20], wave.patients[20]
    wave.set_up(session)
    session.step(Step([wave.listing(patient, AWAY) for patient in wave.patients[:6]]))
    wave.sequences[wave.patients[18]] += 1
    changed = wave.sender.id_changed(wave.patients[18], new, 2, patient_key(wave.patients[18], "vardval"))
    session.step(Step([wave.listing(wave.patients[19], HOME, protected=True), changed]))
    return wave


def test_v2_an_installation_in_order_is_equal_and_nothing_is_asked(session: Session, wave: Workload) -> None:
    """Protected patients and doctors, patients with a new id and those who were removed included."""
    protected, removed = wave.sender.staff(DOCTORS[2], 2, protected=True), wave.sender.staff_removed(DOCTORS[3], 2)
    session.step(Step([protected, removed, wave.sender.tombstone("kiv.unit.v1", AWAY)]))
    for words in ((), WHY):
        found = reconcile(session.installation, *words)
        assert found["staff"] == counts(equal=4)
        assert found["unit"] == counts(equal=2)
        assert found["listing"] == counts(equal=20)
        assert (found["run"], found["examples"]) == (None, [])
    assert query(session.installation.database_url, "SELECT count(*) FROM run")[0][0] == 0


def state(url: str) -> list[str]:
    """A hash of each table that a run changes."""
    tables = ("unit", "doctor", "roster", "patient", "link", "forgotten", "outbox_shard", "audit", "run")
    sql = "SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {} AS t"
    return [query(url, sql.format(table))[0][0] for table in tables]


PLANTED = f"""
DELETE FROM link WHERE patient_id IN (SELECT id FROM patient WHERE key = '{{0}}');
DELETE FROM patient WHERE key = '{{0}}';
UPDATE patient SET sequence = 1, current_unit = '{HOME}', fact_offset = 0 WHERE key = '{{1}}';
UPDATE patient SET current_unit = '{HOME}' WHERE key = '{{2}}';
UPDATE patient SET sequence = 99 WHERE key = '{{3}}';
INSERT INTO patient SELECT 191212121212, 'somebody', 0, 5, 0, false, '{HOME}', '2025-01-01';
UPDATE doctor SET version = 0, licensed = false WHERE hsa_id = '{DOCTORS[0]}';
DELETE FROM unit WHERE hsa_id = '{AWAY}';
"""


def test_v3_each_kind_is_found_put_right_by_the_handlers_and_not_found_again(session: Session, wave: Workload) -> None:
    """Restarted, because units are read when the service starts."""
    installation = session.installation
    url, keys = installation.database_url, [patient_key(one, installation.settings.secret) for one in wave.patients]
    missing, older, different, newer = keys[0:4]
    held = query(url, "SELECT * FROM patient ORDER BY id"), query(url, "SELECT * FROM doctor ORDER BY hsa_id")
    installation.leave(0)
    execute(url, PLANTED.format(missing, older, different, newer))
    installation.start(1)
    installation.until_ready(30)
    before = state(url)
    preview = reconcile(installation, "--dry-run", status=1)
    assert preview["staff"] == counts(equal=3, older=1)
    assert preview["unit"] == counts(equal=1, missing=1)
    assert preview["listing"] == counts(equal=16, missing=1, older=1, different=1, newer=1, extra=1)
    told = {(one["what"], one["kind"]): one["key"] for one in preview["examples"]}
    assert told == {
        ("staff", "older"): DOCTORS[0],
        ("unit", "missing"): AWAY,
        ("listing", "missing"): missing,
        ("listing", "older"): older,
        ("listing", "different"): different,
        ("listing", "newer"): newer,
        ("listing", "extra"): patient_key("191212121212", installation.settings.secret),
    }
    assert reconcile(installation, status=2) == preview
    assert state(url) == before
    done = reconcile(installation, *WHY)
    assert [done[what] for what in ("staff", "unit", "listing")] == [
        preview[what] for what in ("staff", "unit", "listing")
    ]
    for what, expected in preview["runs"].items():
        run = done["runs"][what]
        assert run["state"] == "done"
        if what == "listing":
            assert run["outcomes"] == expected["outcomes"] == {"applied": 3}
    again = reconcile(installation)
    assert again["listing"] == counts(equal=19, newer=1, extra=1)
    assert again["unit"] == counts(equal=2)
    assert again["staff"] == counts(equal=4)
    execute(url, f"DELETE FROM patient WHERE id = 191212121212; UPDATE patient SET sequence = 2 WHERE key = '{newer}'")
    plain = "SELECT id, sequence, current_unit, current_from FROM patient ORDER BY id"
    assert [row[:1] + row[3:4] + row[6:8] for row in map(tuple, held[0])] == [tuple(row) for row in query(url, plain)]
    assert held[1] == query(url, "SELECT * FROM doctor ORDER BY hsa_id")
    assert session.leaks([*wave.patients, "191212121212"]) == []
    runs = query(url, "SELECT kind, topic, state FROM run ORDER BY topic")
    assert [tuple(row) for row in runs] == [
        ("reconcile", topic, "done") for topic in ("kiv.staff.v1", "kiv.unit.v1", "vardval.listing.v1")
    ]


@contextmanager
def sending(session: Session, wave: Workload) -> Iterator[None]:
    """Listings of all patients come all the time."""
    over = Event()

    def send() -> None:
        turn = 0
        while not over.wait(0.02):
            session.topics.publish([wave.listing(patient, (HOME, AWAY)[turn % 2]) for patient in wave.patients])
            turn += 1

    thread = Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_v1_what_the_service_has_not_handled_yet_is_no_difference(session: Session, wave: Workload) -> None:
    installation = session.installation
    with sending(session, wave):
        for _ in range(2):
            found = reconcile(installation, "listing", "--dry-run")
            assert found["listing"] == counts(equal=20)
    installation.settle()
    installation.leave(0)
    session.topics.publish([wave.listing(patient, HOME) for patient in wave.patients])
    assert reconcile(installation, "listing", "--dry-run")["listing"] == counts(equal=20)


def test_v3_a_run_that_is_killed_goes_on_where_it_was(session: Session, wave: Workload) -> None:
    url = session.installation.database_url
    execute(url, f"UPDATE patient SET sequence = 1, current_unit = '{HOME}', fact_offset = 0 WHERE sequence = 2")
    killed = session.installation.run("reconcile", "listing", *WHY, FAILPOINT="batch:7-commit:2", BATCH_RECORDS="2")
    assert killed.status == 137, killed.stderr
    execute(url, "UPDATE run SET lease_until = now()")  # as if half a minute had passed
    ((run,),) = query(url, "SELECT id FROM run")
    done = session.installation.run("runs", "resume", run, "--json")
    assert done.status == 0, done.stderr
    assert done.json()["outcomes"]["applied"] == 6
    assert reconcile(session.installation, "listing")["listing"] == counts(equal=20)
    assert breaches(session) == []


def test_v3_a_dump_from_the_source_stands_in_for_a_topic(session: Session, wave: Workload, tmp_path: Path) -> None:
    """Its lines have no place in a topic; what the topic says later is still taken."""
    installation = session.installation
    dump = tmp_path / "vardval.jsonl"
    lines = [
        {"patient_id": patient, "sequence": 1 + number // 19, "current": choice(HOME, "2025-01-01")}
        for number, patient in enumerate(wave.patients[:18])
    ]
    lines[6] |= {"sequence": 5, "current": choice(AWAY, "2025-01-01")}
    dump.write_text("\n".join(map(json.dumps, lines)) + "\n")
    found = reconcile(installation, "listing", "--file", str(dump), "--dry-run", status=1)
    assert found["listing"] == counts(equal=11, older=1, newer=6, extra=1)
    before = len(session.topics.collect())
    done = reconcile(installation, "listing", "--file", str(dump), *WHY)
    assert done["runs"]["listing"]["outcomes"] == {"applied": 1}
    assert len([one for one in session.topics.collect()[before:] if one.topic == CHANGES]) == 1
    assert reconcile(installation, "listing", "--file", str(dump))["listing"] == counts(equal=12, newer=6, extra=1)
    for words, fault in (((), "exactly one"), (("staff", "unit"), "exactly one"), (("unit",), "line 1: ")):
        refused = installation.run("reconcile", *words, "--file", str(dump), "--dry-run")
        assert (refused.status, fault in refused.stderr) == (2, True), refused.stderr
    assert session.leaks(wave.patients) == []
