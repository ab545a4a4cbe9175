"""Plans: what a preview decided is done later, exactly, and once."""

from __future__ import annotations

import pytest

from tests.harness.invariants import query
from tests.harness.records import CHANGES, LISTING
from tests.harness.session import Session
from tests.harness.workload import HOME, Workload
from tests.scenarios.schedule import Step
from tests.system.test_replay import REASON, SAME, forget_that_six_moved, replay, wave

pytestmark = pytest.mark.system
__all__ = ["wave"]


def test_r7_a_plan_does_what_its_preview_said_and_only_once(session: Session, wave: Workload) -> None:
    forget_that_six_moved(session.installation.database_url)
    before = len(session.topics.collect())
    plan = replay(session.installation, LISTING, "--plan")
    assert (plan["state"], plan["dry_run"], plan["outcomes"]["applied"]) == ("planned", True, 6)
    assert len(session.topics.collect()) == before
    done = replay(session.installation, LISTING, "--apply", plan["run"], *REASON)
    assert (done["run"], done["state"]) == (plan["run"], "done")
    assert [done[name] for name in SAME] == [plan[name] for name in SAME]
    again = session.installation.run("replay", LISTING, "--apply", plan["run"], *REASON)
    assert again.status == 2
    assert "was carried out: it is done" in again.stderr
    assert len([one for one in session.topics.collect()[before:] if one.topic == CHANGES]) == 6


def test_r7_what_is_decided_otherwise_by_now_is_listed_and_left_alone(session: Session, wave: Workload) -> None:
    url = session.installation.database_url
    forget_that_six_moved(url)
    plan = replay(session.installation, LISTING, "--plan")
    unlinked = wave.patients[2]
    session.step(Step([wave.sender.command("unlink-patient", HOME, patient_id=unlinked)]))
    preview = replay(session.installation, LISTING, "--apply", plan["run"], "--dry-run")
    assert len(preview["differs"]) == 1
    done = replay(session.installation, LISTING, "--apply", plan["run"], *REASON, status=1)
    assert done["differs"] == preview["differs"]
    assert done["events"][CHANGES] == {"ended/relisted": 5}
    assert done["outcomes"]["skipped"] == 1
    assert query(url, f"SELECT sequence FROM patient WHERE id = {unlinked}")[0][0] == 1
    shown = session.installation.run("runs", "show", plan["run"], "--json").json()
    assert shown["differs"] == done["differs"]


def test_r7_a_plan_is_of_one_topic_and_selects_by_itself(session: Session, wave: Workload) -> None:
    plan = replay(session.installation, LISTING, "--plan", "--partition", "0")
    for words in (("kiv.unit.v1", "--apply", plan["run"]), (LISTING, "--apply", plan["run"], "--key", "x")):
        assert session.installation.run("replay", *words, *REASON).status == 2
