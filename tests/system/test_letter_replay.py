"""Dead letters judged again: each once, in its own time, and nothing turns back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.harness.installation import Installation
from tests.harness.invariants import breaches, query
from tests.harness.postgres import execute
from tests.harness.records import CHANGES, COMMAND, LISTING, REPLY
from tests.harness.session import Session
from tests.harness.workload import AWAY, DOCTORS, HOME, Workload
from tests.scenarios.schedule import Step
from tests.system.conftest import Opener
from tests.system.killing import killed_at_every_step

pytestmark = pytest.mark.system

WHY = ("--yes", "--reason", "mended in the next release")
#: as a bug of a release: nobody can be listed away
BUG = f"""
CREATE FUNCTION bug() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN IF NEW.current_unit = '{AWAY}' THEN RAISE EXCEPTION USING ERRCODE = '22012'; END IF; RETURN NEW; END $$;
CREATE TRIGGER bug BEFORE INSERT OR UPDATE ON patient FOR EACH ROW EXECUTE FUNCTION bug();
"""
#: another one: nobody can be linked
BUG_OF_LINKS = """
CREATE FUNCTION bug() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = '22012'; END $$;
CREATE TRIGGER bug BEFORE INSERT ON link FOR EACH ROW EXECUTE FUNCTION bug();
"""
MENDED = "DROP FUNCTION bug() CASCADE"


@pytest.fixture
def wave(opened: Opener) -> tuple[Session, Workload]:
    """Twelve patients linked at home; the move of eight of them is dead, and then the bug is mended."""
    session, wave = opened(1), Workload(12)
    wave.set_up(session)
    execute(session.installation.database_url, BUG)
    session.step(Step([wave.listing(patient, AWAY) for patient in wave.patients[:8]]))
    execute(session.installation.database_url, MENDED)
    return session, wave


def replay(installation: Installation, *words: str, status: int = 0, **how: str) -> Any:
    """The document that a replay of letters prints."""
    done = installation.run("dlq", "replay", *words, "--json", **how)
    assert done.status == status, done.stderr
    return done.json()


def letters(session: Session) -> list[tuple[str, int]]:
    """State and attempts of every letter, by place."""
    sql = "SELECT state, attempts FROM dead_letter ORDER BY topic, partition, record_offset"
    return [tuple(row) for row in query(session.installation.database_url, sql)]


def test_q1_a_mended_release_handles_all_letters_and_the_preview_says_so(wave: tuple[Session, Workload]) -> None:
    session, _ = wave
    assert letters(session) == [("open", 2)] * 8
    before = len(session.topics.collect())
    preview = replay(session.installation, "--all", "--dry-run")
    assert letters(session) == [("open", 2)] * 8
    done = replay(session.installation, "--topic", LISTING, "--code", "handler_failed", *WHY)
    (run,), (expected,) = done["runs"], preview["runs"]
    assert run["outcomes"] == {"applied": 8}
    assert run["events"][CHANGES] == {"ended/relisted": 8}
    assert [run[name] for name in ("outcomes", "events", "digest", "superseded")] == [
        expected[name] for name in ("outcomes", "events", "digest", "superseded")
    ]
    assert (done["dry_run"], preview["dry_run"], done["not_included"]) == (False, True, 0)
    assert letters(session) == [("handled", 2)] * 8
    assert len([one for one in session.topics.collect()[before:] if one.topic == CHANGES]) == 8
    assert breaches(session) == []
    rows = query(session.installation.database_url, f"SELECT what, reason FROM audit WHERE run = '{run['run']}'")
    assert sorted(reason for what, reason in rows if what == "dlq replay") == ["applied"] * 8 + [LISTING]


def test_q1_letters_that_fail_again_stay_open_with_one_more_attempt_each_time(wave: tuple[Session, Workload]) -> None:
    session, _ = wave
    url = session.installation.database_url
    execute(url, BUG)
    in_topic = sum(one.topic == f"{LISTING}.dlq" for one in session.topics.collect())
    headers = query(url, "SELECT sum(length(headers)) FROM dead_letter")
    for attempts in (3, 4):
        (run,) = replay(session.installation, "--all", *WHY, status=1)["runs"]
        assert run["outcomes"] == {"dead": 8}
        assert letters(session) == [("open", attempts)] * 8
    assert sum(one.topic == f"{LISTING}.dlq" for one in session.topics.collect()) == in_topic
    assert query(url, "SELECT sum(length(headers)) FROM dead_letter") == headers


def test_q4_a_letter_that_something_later_has_overtaken_is_superseded(wave: tuple[Session, Workload]) -> None:
    session, workload = wave
    session.step(Step([workload.listing(patient, HOME) for patient in workload.patients[:3]]))
    (run,) = replay(session.installation, "--all", *WHY)["runs"]
    assert run["outcomes"] == {"applied": 5, "stale": 3}
    assert run["superseded"] == 3
    assert letters(session) == [("handled", 2)] * 8


def test_q2_a_dead_command_is_carried_out_once_by_however_many_operators(opened: Opener) -> None:
    session, wave = opened(1), Workload(6)
    for step in wave.opening():
        session.step(step)
    url = session.installation.database_url
    execute(url, BUG_OF_LINKS)
    commands = [
        wave.sender.command("link-patient", HOME, patient_id=patient, doctor_hsa_id=DOCTORS[0])
        for patient in wave.patients
    ]
    session.step(Step(commands))
    execute(url, MENDED)
    assert letters(session) == [("open", 2)] * 6
    replies = sum(one.topic == REPLY for one in session.topics.collect())
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: replay(session.installation, "--topic", COMMAND, *WHY, BATCH_RECORDS="1"), "ab"))
    outcomes = [run["outcomes"] for done in both for run in done["runs"]]
    assert sum(one.get("accepted", 0) for one in outcomes) == 6
    assert {name for one in outcomes for name in one} <= {"accepted", "skipped"}
    assert sum(one.topic == REPLY for one in session.topics.collect()) == replies + 6
    assert query(url, "SELECT count(*) FROM link")[0][0] == 6
    assert letters(session) == [("handled", 2)] * 6
    assert breaches(session) == []


def test_q2_killed_at_every_step_each_letter_is_handled_once(wave: tuple[Session, Workload]) -> None:
    session, _ = wave
    before = len(session.topics.collect())
    done = killed_at_every_step(session, "dlq", "replay", "--all", *WHY, batch=1)
    assert done["outcomes"] == {"applied": 8}
    assert letters(session) == [("handled", 2)] * 8
    assert len([one for one in session.topics.collect()[before:] if one.topic == CHANGES]) == 8
    assert breaches(session) == []


def test_letters_of_the_clock_are_not_replayed(session: Session) -> None:
    sender = Workload(1).sender
    broken = sender.day("2025-05-26")
    session.step(Step([sender.day("2025-05-26"), type(broken)(broken.topic, broken.key, b"{}", broken.headers)]))
    done = session.installation.run("dlq", "replay", "--all", "--dry-run")
    assert done.status == 2
    assert "cannot be replayed" in done.stderr
