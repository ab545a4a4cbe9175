"""The runbook's pages: each situation is made to happen, and what the page says is typed, command by command."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.installation import Done, Installation, until
from tests.harness.invariants import breaches, newest, query
from tests.harness.postgres import execute
from tests.harness.records import CHANGES, LISTING, choice, header
from tests.harness.session import Session
from tests.harness.workload import AWAY, HOME, Workload
from tests.scenarios.schedule import Step
from tests.system.conftest import Opener
from tests.system.test_letter_replay import BUG, MENDED
from tests.system.test_replay import forget_that_six_moved, wave

pytestmark = pytest.mark.system
__all__ = ["wave"]

PAGES = Path(__file__).parents[2] / "docs/runbook"
BLOCK = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def typed(page: str, installation: Installation, changed: dict[str, str] | None = None) -> Iterator[tuple[str, Done]]:
    """Every command of a page, in its order, with what came of it; `changed` are its examples' own names, times and
    versions as they are here."""
    for block in BLOCK.findall((PAGES / f"{page}.md").read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            for there, here in (changed or {}).items():
                line = line.replace(there, here)
            program, *words = shlex.split(line)
            assert program == "fastlakare"
            yield line, installation.run(*words)


def test_a_topic_was_corrupted(session: Session, wave: Workload) -> None:
    """The database has forgotten what came in between; the page's times are around it."""
    url = session.installation.database_url
    forget_that_six_moved(url)
    before = len(session.topics.collect())
    # the test's records are dated in the days of its history
    times = {"2026-11-27T10:00": "2025-05-26T07:00Z", "2026-11-27T10:20": "2025-05-26T23:00Z"}
    seen = list(typed("a-topic-was-corrupted", session.installation, times))
    assert [(line, done.stderr) for line, done in seen if done.status] == []
    first, done, *_, last = (done.stdout for line, done in seen if " replay " in line and "--detach" not in line)
    assert "applied 6" in first
    assert "applied 6" in done
    assert "applied" not in last
    assert len([one for one in session.topics.collect()[before:] if one.topic == CHANGES]) == 6
    assert breaches(session) == []


def test_a_bad_release_dead_lettered_records(opened: Opener) -> None:
    session, wave = opened(1), Workload(12)
    wave.set_up(session)
    url = session.installation.database_url
    execute(url, BUG)
    session.step(Step([wave.listing(patient, AWAY) for patient in wave.patients[:8]]))
    execute(url, MENDED)
    ((partition, offset, release),) = query(url, "SELECT partition, record_offset, release FROM dead_letter LIMIT 1")
    out = str(session.installation.folder / "failed.jsonl")
    here = {
        "vardval.listing.v1/3/812": f"{LISTING}/{partition}/{offset}",
        "--release 1.0.1": f"--release {release}",
        "failed.jsonl": out,
    }
    seen = list(typed("a-bad-release-dead-lettered-records", session.installation, here))
    assert [(line, done.stderr) for line, done in seen if done.status] == []
    replayed = next(done.stdout for line, done in seen if "dlq replay" in line and "--yes" in line)
    assert "applied 8" in replayed
    assert query(url, "SELECT DISTINCT state FROM dead_letter")[0][0] == "handled"
    assert breaches(session) == []


def test_a_subscriber_lost_its_view(session: Session, wave: Workload) -> None:
    before = session.topics.collect()[:]
    seen = list(typed("a-subscriber-lost-its-view", session.installation))
    assert [(line, done.stderr) for line, done in seen if done.status] == []
    dry = [done.stdout for line, done in seen if "--dry-run" in line]
    assert all("repeated 20" in shown for shown in dry)
    url = session.installation.database_url
    until(lambda: query(url, "SELECT count(*) FROM run WHERE state = 'done'")[0][0] == 2, 60, "both runs to be done")
    session.installation.settle()
    again = [one for one in session.topics.collect()[len(before) :] if header(one.headers, "republished")]
    assert len(again) == 40
    assert newest(session.topics.collect(), CHANGES) == newest(before, CHANGES)
    assert breaches(session) == []


def test_a_database_restored_from_yesterday(session: Session, wave: Workload, tmp_path: Path) -> None:
    """Rows were lost, the offset was not; the dump says what the topic says."""
    forget_that_six_moved(session.installation.database_url)
    dump = tmp_path / "dump.jsonl"
    lines = [
        {"patient_id": patient, "sequence": 1 + (number < 6), "current": choice((HOME, AWAY)[number < 6], "2025-01-01")}
        for number, patient in enumerate(wave.patients)
    ]
    dump.write_text("\n".join(map(json.dumps, lines)))
    seen = list(typed("a-database-restored-from-yesterday", session.installation, {"vardval.jsonl": str(dump)}))
    ended = [done.status for _, done in seen]
    assert ended == [0, 1, 0, 0, 0, 0, 0], [(line, done.stderr) for line, done in seen]
    found = [done.stdout for line, done in seen if " reconcile" in line]
    assert "older 6" in found[0]
    assert all("equal 20" in shown for shown in found[2:])
    assert breaches(session) == []
