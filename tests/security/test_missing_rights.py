"""A right or a password that is missing is the installation's fault: no record is dead-lettered for it, and is told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.installation import Installation, until
from tests.harness.session import Session
from tests.harness.topics import Topics
from tests.harness.workload import HOME, Workload
from tests.scenarios.schedule import Step
from tests.security.conftest import Roles, run

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("security")]


@pytest.fixture
def installation(kafka: Any, roles: Roles, topic_prefix: str, tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(kafka.bootstrap, roles.app, topic_prefix, tmp_path)
    installation.prepare(migrate=False)
    yield installation
    installation.stop()


def test_a_right_taken_away_dead_letters_nothing_and_ends_the_process(installation: Installation, roles: Roles) -> None:
    installation.start(1)
    session = Session(installation, Topics(installation.bootstrap, installation.prefix))
    wave = Workload(4)
    wave.set_up(session)

    asyncio.run(run(roles.owner, "REVOKE INSERT ON audit FROM fastlakare_app"))
    leaving = [wave.listing(patient, "SE2321000131-E000000000799") for patient in wave.patients]
    command = wave.sender.command("pause-doctor", HOME, doctor_hsa_id="SE2321000131-E000000007620")
    session.topics.publish([*leaving, command])
    session.sent += [*leaving, command]

    process = installation.processes[0]
    until(lambda: "permission denied" in str(process.ready()[1]), 20, "readiness to name the missing right")
    assert process.popen.wait(60) == 3, process.output()
    assert '"event":"installation fault"' in process.output()
    installation.processes.remove(process)

    asyncio.run(run(roles.owner, "GRANT INSERT ON audit TO fastlakare_app"))
    session.killed += 1
    installation.start(1)
    session.step(Step([]))
    assert [record for record in session.topics.collect() if record.topic.endswith(".dlq")] == []
    assert list(session.differences()) == []


def test_a_password_that_is_wrong_stops_the_start_with_one_line(installation: Installation, roles: Roles) -> None:
    installation.database_url = roles.app.replace("of-the-test", "of-another-test")

    process = installation.launch()

    assert process.popen.wait(60) == 3, process.output()
    installation.processes.remove(process)
    assert '"event":"cannot start"' in process.output()
    assert "password authentication failed" in process.output()
    assert "of-another-test" not in process.output()
    assert "Traceback" not in process.output()
