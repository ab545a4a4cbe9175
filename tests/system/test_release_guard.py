"""A topic on which this release was stopped, in processes and on a broker that are real."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime

import pytest

from infra.version import version
from tests.harness.installation import Installation, until
from tests.harness.invariants import query
from tests.harness.postgres import execute
from tests.harness.records import LISTING, Sender, choice
from tests.harness.workload import HOME, people
from tests.scenarios.schedule import Step
from tests.system.conftest import Opener

pytestmark = pytest.mark.system


def told(installation: Installation) -> list[str]:
    """Every reason of readiness of every process, once."""
    return sorted({reason for process in installation.processes for reason in process.ready()[1]})


def dlq(installation: Installation, *arguments: str) -> str:
    """What `fastlakare dlq` prints."""
    done = subprocess.run(
        installation.command("dlq", *arguments), env=installation.environment(), capture_output=True, text=True,
        check=True, timeout=60,
    )  # fmt: skip
    return done.stdout


def test_a_topic_stays_stopped_across_restarts_until_an_operator_lifts_the_guard_and_the_rest_goes_on(
    opened: Opener,
) -> None:
    session = opened(1)
    installation, sender = session.installation, Sender(datetime(2025, 5, 26, 8, tzinfo=UTC))
    session.step(Step([sender.day("2025-05-26"), sender.unit(HOME, 1)]))
    installation.leave(0)
    execute(
        installation.database_url,
        "INSERT INTO release_guard (topic, release, records, partitions, why, stopped_at)"
        f" VALUES ('{LISTING}', '{version()}', 20, '{{0,1,2,3}}', 'stopped at offset 0: a test', now())",
    )
    patients = people(12)
    current = choice(HOME, "2025-01-01")
    session.topics.publish([sender.listing(one, 1, f"key-{n}", current=current) for n, one in enumerate(patients)])

    for processes in (1, 2):
        installation.start(processes)
        reasons = [f"{LISTING}/{partition}: stopped at offset 0: a test" for partition in range(4)]
        until(lambda wanted=reasons: told(installation) == wanted, 60, "every partition to stand still")  # type: ignore[misc]
        assert installation.lag()["inputs"][LISTING] == len(patients)
        if processes == 1:
            installation.kill(0)

    session.topics.publish([sender.unit(HOME, 2)])
    newest = "SELECT version FROM unit"
    until(lambda: query(installation.database_url, newest) == [(2,)], 60, "another topic to go on")
    assert query(installation.database_url, "SELECT count(*) FROM patient") == [(0,)]

    assert f"{LISTING}, release {version()}: 20 records failed" in dlq(installation, "release-guard", "--dry-run")
    dlq(installation, "release-guard", "--topic", LISTING, "--yes", "--reason", "a test")

    installation.settle()
    installation.until_ready(60)
    assert query(installation.database_url, "SELECT count(*) FROM patient") == [(len(patients),)]
