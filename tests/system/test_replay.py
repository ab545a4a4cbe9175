"""Replay: what it does to an installation that lives, and that its preview says exactly that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from confluent_kafka import Producer

from tests.harness.installation import Installation
from tests.harness.invariants import breaches, query
from tests.harness.postgres import execute
from tests.harness.records import CHANGES, COMMAND, LISTING, REPLY, STAFF, UNIT, Record, choice, header
from tests.harness.session import Session
from tests.harness.topics import WRITER
from tests.harness.workload import AWAY, DOCTORS, HOME, Workload
from tests.model.ids import patient_key
from tests.scenarios.schedule import Step
from tests.system.killing import killed_at_every_step

pytestmark = pytest.mark.system

#: what preview and run must have in common
SAME = ("range", "outcomes", "events", "digest")
REASON = ("--yes", "--reason", "six listings were lost")


def replay(installation: Installation, topic: str, *words: str, status: int = 0, typed: str = "", **how: str) -> Any:
    """The document that a replay prints."""
    done = installation.run("replay", topic, *words, "--json", typed=typed, **how)
    assert done.status == status, done.stderr
    return done.json()


@pytest.fixture
def wave(session: Session) -> Workload:
    """Twenty patients linked at home, of whom six have moved away since."""
    wave = Workload(20)
    wave.set_up(session)
    session.step(Step([wave.listing(patient, AWAY) for patient in wave.patients[:6]]))
    return wave


def test_r5_replaying_whole_topics_of_an_installation_in_order_changes_nothing(
    session: Session, wave: Workload
) -> None:
    url = session.installation.database_url
    heard, audit = len(session.topics.collect()), query(url, "SELECT count(*) FROM audit")[0][0]
    for topic, records in ((STAFF, 4), (UNIT, 2), (LISTING, 26)):
        preview = replay(session.installation, topic, "--dry-run")
        run = replay(session.installation, topic, "--yes", "--reason", "to see that nothing changes")
        assert sum(run["outcomes"].values()) == records
        assert set(run["outcomes"]) <= {"unchanged", "stale"}
        assert run["events"] == {CHANGES: 0, "listning.doctor.v1": 0}
        assert (preview["outcomes"], preview["digest"]) == (run["outcomes"], run["digest"])
        assert (preview["dry_run"], preview["run"], run["dry_run"], run["state"]) == (True, None, False, "done")
    rows = query(url, "SELECT what, reason FROM audit WHERE run IS NOT NULL ORDER BY reason")
    assert [tuple(row) for row in rows] == [("replay", topic) for topic in sorted((STAFF, UNIT, LISTING))]
    assert query(url, "SELECT count(*) FROM audit")[0][0] == audit + len(rows), "only those of the runs themselves"
    assert len(session.topics.collect()) == heard
    assert breaches(session) == []


def forget_that_six_moved(url: str) -> None:
    """As in a database that was restored wrongly: they are listed and linked at home."""
    execute(
        url,
        f"UPDATE patient SET sequence = 1, current_unit = '{HOME}', fact_offset = 0 WHERE current_unit = '{AWAY}';"
        f"INSERT INTO link SELECT id, '{HOME}', '{DOCTORS[0]}', '2025-05-26' FROM patient WHERE sequence = 1"
        " ON CONFLICT DO NOTHING",
    )


def test_o2_the_preview_is_what_the_run_then_does(session: Session, wave: Workload) -> None:
    url = session.installation.database_url
    forget_that_six_moved(url)
    before = session.topics.collect()[:]
    preview = replay(session.installation, LISTING, "--dry-run")
    assert session.topics.collect() == before
    assert preview["outcomes"]["applied"] == 6
    assert preview["events"][CHANGES] == {"ended/relisted": 6}
    run = replay(session.installation, LISTING, *REASON)
    assert [run[name] for name in SAME] == [preview[name] for name in SAME]
    assert breaches(session) == []


def test_o6_what_a_run_causes_says_by_which_run_and_why(session: Session, wave: Workload) -> None:
    url = session.installation.database_url
    forget_that_six_moved(url)
    before = len(session.topics.collect())
    run = replay(session.installation, LISTING, *REASON, OPERATOR="nattjour")["run"]
    events = [one for one in session.topics.collect()[before:] if one.topic == CHANGES]
    assert [header(one.headers, "fastlakare_run") for one in events] == [run] * 6
    rows = query(url, f"SELECT run_actor, run_reason FROM audit WHERE run = '{run}'")
    assert len(rows) == 1 + 6, "that it was begun, and what it did"
    assert all(actor.startswith("nattjour (") and reason == REASON[2] for actor, reason in rows)


def test_o1_a_call_without_yes_writes_nothing(session: Session, wave: Workload) -> None:
    url = session.installation.database_url
    forget_that_six_moved(url)
    before = contents(url)
    preview = replay(session.installation, LISTING, status=2)
    assert preview["outcomes"]["applied"] == 6
    assert replay(session.installation, LISTING, "--dry-run") == preview
    assert contents(url) == before


def contents(url: str, but: str = "") -> list[str]:
    """A hash of every table but one."""
    named = query(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    tables = [row[0] for row in named if row[0] != but]
    sql = "SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {} AS t"
    return [query(url, sql.format(f'"{table}"'))[0][0] for table in tables]


def test_o4_killed_at_every_step_of_a_transaction_and_resumed_it_does_everything_once(
    session: Session, wave: Workload
) -> None:
    url = session.installation.database_url
    forget_that_six_moved(url)
    preview = replay(session.installation, LISTING, "--dry-run")
    before = len(session.topics.collect())
    done = killed_at_every_step(session, "replay", LISTING, *REASON, batch=2, times=2)
    assert done["state"] == "done"
    events = [one for one in session.topics.collect()[before:] if one.topic == CHANGES]
    assert len(events) == len({one.key for one in events}) == 6
    assert [done[name] for name in SAME] == [preview[name] for name in SAME]
    assert breaches(session) == []


def test_r2_a_replay_of_a_range_never_turns_a_fact_back(session: Session, wave: Workload) -> None:
    """The unit's name was corrected without raising its version; the record before is replayed alone."""
    corrected = wave.sender.unit(HOME, 1, name="Rättat")
    session.step(Step([corrected]))
    unit = query(session.installation.database_url, f"SELECT * FROM unit WHERE hsa_id = '{HOME}'")
    partition, offset = unit[0]["fact_partition"], unit[0]["fact_offset"]
    run = replay(session.installation, UNIT, "--partition", f"{partition}:0-{offset}", *REASON)
    assert run["outcomes"]["stale"] == 1
    assert query(session.installation.database_url, f"SELECT * FROM unit WHERE hsa_id = '{HOME}'") == unit


def test_r3_commands_are_repeated_without_effect_and_their_replies_sent_only_where_asked_for(
    session: Session, wave: Workload
) -> None:
    """One of them was never handled: it is a dead letter, and left out."""
    bad = wave.sender.command("link-patient", HOME)
    session.step(Step([bad]))
    url, before = session.installation.database_url, session.topics.collect()[:]
    state = [query(url, f"SELECT * FROM {table} ORDER BY 1, 2") for table in ("link", "roster", "patient")]
    run = replay(session.installation, COMMAND, *REASON)
    assert run["outcomes"] == {"dead": 1, "repeated": 9}
    assert session.topics.collect() == before
    run = replay(session.installation, COMMAND, *REASON, "--resend-replies")
    assert run["events"][REPLY] == {"resent": 9}
    again = session.topics.collect()[len(before) :]
    assert {header(one.headers, "fastlakare_run") for one in again} == {run["run"]}
    assert sorted(one.value or b"" for one in again) == sorted(one.value or b"" for one in before if one.topic == REPLY)
    assert [query(url, f"SELECT * FROM {table} ORDER BY 1, 2") for table in ("link", "roster", "patient")] == state


def test_r6_a_protected_patient_does_not_come_back(session: Session, wave: Workload) -> None:
    url, patient = session.installation.database_url, wave.patients[0]
    session.step(Step([wave.listing(patient, HOME, protected=True)]))
    before = contents(url, but="audit"), len(session.topics.collect())
    preview = replay(session.installation, LISTING, "--dry-run")
    assert preview["events"][CHANGES] == 0
    replay(session.installation, LISTING, *REASON)
    execute(url, "DELETE FROM run; DELETE FROM run_partition")
    assert (contents(url, but="audit"), len(session.topics.collect())) == before
    assert session.leaks([patient]) == []


def test_o8_one_patients_records_are_chosen_by_a_personnummer_that_is_never_an_argument(
    session: Session, wave: Workload
) -> None:
    patient = wave.patients[0]
    run = replay(session.installation, LISTING, "--patient", *REASON, typed=f"{patient}\n")
    assert sum(run["outcomes"].values()) == 2
    for words in (("--key", patient), ("--type", patient), ("--reason", f"för {patient}", "--yes")):
        done = session.installation.run("replay", LISTING, *words)
        assert done.status == 2
    assert session.leaks([patient]) == []


def test_o5_what_is_not_there_is_told_and_nothing_is_counted_as_a_difference_of_offsets(
    session: Session, wave: Workload
) -> None:
    """A transaction of the sender's was aborted, and one is open when the replay begins."""
    patient = wave.patients[0]
    aborted, left_open = wave.listing(patient, AWAY), wave.listing(patient, AWAY)
    with in_transaction(session, [aborted], commit=False):
        pass
    with in_transaction(session, [left_open], commit=True):
        run = replay(session.installation, LISTING, *REASON)
    assert sum(part["aborted"] for part in run["range"] if "aborted" in part) == 1
    assert sum(part["control"] for part in run["range"]) == 1
    assert sum(part["records"] for part in run["range"]) == 26
    shown = session.installation.run("runs", "show", run["run"]).stdout
    assert "12 records, 0 removed by compaction, 1 control record, 1 of aborted transactions, first offset 0" in shown


@contextmanager
def in_transaction(session: Session, records: list[Record], *, commit: bool) -> Iterator[None]:
    """As an upstream that sends in transactions; what is within sees it open."""
    topics = session.topics
    producer = Producer(WRITER | {"bootstrap.servers": topics.bootstrap, "transactional.id": f"{topics.prefix}up"})
    producer.init_transactions(30)
    producer.begin_transaction()
    for record in records:
        # dated as those before: a day's difference would have the broker begin a segment, and compact the one before
        producer.produce(
            topics.prefix + record.topic,
            record.value,
            record.key,
            headers=list(record.headers),
            timestamp=record.timestamp,
        )
    producer.flush(30)
    yield
    (producer.commit_transaction if commit else producer.abort_transaction)(30)


def test_records_are_chosen_by_how_their_first_reading_ended(session: Session, wave: Workload) -> None:
    patient = wave.patients[0]
    old = wave.sender.listing(patient, 1, patient_key(patient, "vardval"), current=choice(AWAY, "2025-01-01"))
    bad = wave.sender.record(LISTING, "vardval.listing", "k", {"patient_id": patient})
    refused = wave.sender.command("unlink-patient", AWAY, patient_id=patient)
    session.step(Step([old, bad, refused]))
    for topic, outcome, outcomes in (
        (LISTING, "stale", {"stale": 1}),
        (LISTING, "dead", {"dead": 1}),
        (COMMAND, "refused", {"repeated": 1}),
    ):
        run = replay(session.installation, topic, "--outcome", outcome, *REASON)
        assert run["outcomes"] == outcomes
    assert session.installation.run("replay", LISTING, "--outcome", "applied", "--dry-run").status == 2


def test_r4_the_clock_cannot_be_replayed(session: Session) -> None:
    done = session.installation.run("replay", "listning.clock.v1", "--dry-run")
    assert done.status == 2
    assert "cannot be replayed: a day that has begun never begins again" in done.stderr
