"""The one grammar of commands that change something, for those that need Kafka (tests/cli/test_grammar.py has the
others): a preview, `--dry-run`, or `--yes --reason`."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.cli.calls import ON_AN_INSTALLATION
from tests.cli.dlq.letters import contents
from tests.harness.installation import Installation
from tests.harness.invariants import query
from tests.harness.postgres import execute
from tests.harness.records import COMMAND
from tests.harness.session import Session
from tests.harness.workload import AWAY, DOCTORS, HOME, Workload
from tests.scenarios.schedule import Step
from tests.system.conftest import Opener
from tests.system.test_letter_replay import BUG, MENDED
from tests.system.test_retention import delete_all, in_transaction

pytestmark = pytest.mark.system


@pytest.fixture
def session(opened: Opener) -> Session:
    """Nothing runs; letters are open, and a partition of commands has lost records that nobody read."""
    session, wave = opened(1), Workload(4)
    wave.set_up(session)
    execute(session.installation.database_url, BUG)
    session.step(Step([wave.listing(patient, AWAY) for patient in wave.patients]))
    execute(session.installation.database_url, MENDED)
    session.installation.leave(0)
    in_transaction(session, [wave.sender.command("pause-doctor", HOME, doctor_hsa_id=DOCTORS[0])])
    delete_all(session, COMMAND)
    return session


def calls(installation: Installation) -> Iterable[list[str]]:
    """Each of them, of the partition that stopped."""
    shown = installation.run("partition", "show", "--json").json()["partitions"]
    (stopped,) = [one["partition"] for one in shown if one["stopped"]]
    return [[word.format(stopped=stopped) for word in call] for call in ON_AN_INSTALLATION]


def test_o1_no_bare_call_and_no_dry_run_ever_writes(session: Session) -> None:
    installation = session.installation
    url, every = installation.database_url, calls(installation)
    before = contents(url)
    for call in every:
        for as_json in ([], ["--json"]):
            found = int(call[0] == "reconcile")  # whose preview is a finding
            for more, status in ([], 2), (["--dry-run"], found), (["--yes"], 2):
                done = installation.run(*call, *as_json, *more)
                assert done.status == status, (call, more, done.stderr)
                assert bool(done.stdout) == (more != ["--yes"]), (call, more)
                if as_json and done.stdout:
                    assert done.json()["dry_run"] is True
    assert contents(url) == before
    skip, *replays = every
    assert installation.run(*skip, "--yes", "--reason", "why").status == 0
    installation.start(1)
    for call in replays:
        assert installation.run(*call, "--yes", "--reason", "why").status == 0, call
    written = {row[0] for row in query(url, "SELECT DISTINCT what FROM audit WHERE run IS NOT NULL")}
    assert {"partition skip", "dlq replay"} <= written
    assert {row[0] for row in query(url, "SELECT DISTINCT kind FROM run")} == {"replay", "dlq_replay", "republish"}
