"""Replay: what it does to an installation that lives, and that its preview says exactly that."""

from __future__ import annotations

from typing import Any

import pytest

from tests.harness.installation import Installation
from tests.harness.invariants import breaches, query
from tests.harness.postgres import execute
from tests.harness.records import CHANGES, LISTING, STAFF, UNIT, header
from tests.harness.session import Session
from tests.harness.workload import AWAY, DOCTORS, HOME, Workload
from tests.scenarios.schedule import Step

pytestmark = pytest.mark.system

FACTS = (STAFF, UNIT, LISTING)


def replay(installation: Installation, topic: str, *words: str, status: int = 0, **how: str) -> Any:
    """The document that a replay prints."""
    done = installation.run("replay", topic, *words, "--json", **how)
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
    heard, audit = len(session.topics.collect()), query(url, "SELECT count(*) FROM audit")
    for topic, records in ((STAFF, 4), (UNIT, 2), (LISTING, 26)):
        preview = replay(session.installation, topic, "--dry-run")
        run = replay(session.installation, topic, "--yes", "--reason", "to see that nothing changes")
        assert sum(run["outcomes"].values()) == records
        assert set(run["outcomes"]) <= {"unchanged", "stale"}
        assert run["events"] == {CHANGES: 0, "listning.doctor.v1": 0}
        assert (preview["outcomes"], preview["digest"]) == (run["outcomes"], run["digest"])
        assert (preview["dry_run"], preview["run"], run["dry_run"], run["state"]) == (True, None, False, "done")
    assert query(url, "SELECT count(*) FROM audit") == audit
    assert len(session.topics.collect()) == heard
    assert breaches(session) == []


def test_o2_the_preview_is_what_the_run_then_does(session: Session, wave: Workload) -> None:
    """The database has forgotten that six have moved away, as one that was restored wrongly."""
    url = session.installation.database_url
    execute(url, f"UPDATE patient SET sequence = 1, current_unit = '{HOME}' WHERE current_unit = '{AWAY}'")
    execute(
        url,
        f"INSERT INTO link SELECT id, '{HOME}', '{DOCTORS[0]}', '2025-05-26' FROM patient WHERE sequence = 1"
        " ON CONFLICT DO NOTHING",
    )
    before = session.topics.collect()[:]
    preview = replay(session.installation, LISTING, "--dry-run")
    assert session.topics.collect() == before
    assert preview["outcomes"]["applied"] == 6
    assert preview["events"][CHANGES] == {"ended/relisted": 6}
    run = replay(session.installation, LISTING, "--yes", "--reason", "six listings were lost")
    assert [run[name] for name in ("outcomes", "events", "digest")] == [
        preview[name] for name in ("outcomes", "events", "digest")
    ]
    new = session.topics.collect()[len(before) :]
    assert {(one.topic, header(one.headers, "fastlakare_run")) for one in new if one.topic == CHANGES} == {
        (CHANGES, run["run"])
    }
    rows = query(url, f"SELECT run_actor, run_reason FROM audit WHERE run = '{run['run']}'")
    assert len(rows) == 6
    assert {row[1] for row in rows} == {"six listings were lost"}
    assert breaches(session) == []
