"""Runs: who works on them, how they stop and go on, and what they leave alone."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient

from tests.harness.installation import ROOT, Installation, until
from tests.harness.invariants import query
from tests.harness.postgres import execute
from tests.harness.processes import heed_ctrl_c
from tests.harness.records import LISTING, STAFF
from tests.harness.session import Session
from tests.harness.workload import Workload

pytestmark = pytest.mark.system

WHY = ("--yes", "--reason", "to see how it stops")
#: so slow that a test has the time to do something meanwhile
SLOW = ("--rate", "1")
QUITE_SLOW = ("--rate", "8")


@pytest.fixture
def wave(session: Session) -> Workload:
    """Forty patients whose listings are handled."""
    wave = Workload(40)
    for step in wave.opening():
        session.step(step)
    return wave


@contextmanager
def running(installation: Installation, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command that is still at work."""
    environment = installation.environment() | {"FASTLAKARE_BATCH_RECORDS": "2"}
    command = installation.command(*words, "--json")
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=pipe, stderr=pipe, preexec_fn=heed_ctrl_c
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def state(session: Session) -> tuple[str, int]:
    """Of the only run: its state, and how many records it has judged."""
    rows = query(session.installation.database_url, "SELECT state, outcomes FROM run")
    return (rows[0][0], sum(json.loads(rows[0][1]).values())) if rows else ("none", 0)


def ended(process: subprocess.Popen[bytes], status: int) -> Any:
    """What it printed at its end."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == status, err.decode()
    return json.loads(out)


def test_o4_ctrl_c_ends_after_the_transaction_and_the_run_goes_on_where_it_was(
    session: Session, wave: Workload
) -> None:
    with running(session.installation, "replay", LISTING, *WHY, *QUITE_SLOW) as process:
        until(lambda: state(session)[1] > 0, 30, "the first batch")
        process.send_signal(signal.SIGINT)
        stopped = ended(process, 1)
    assert stopped["state"] == "paused"
    assert 0 < stopped["outcomes"]["unchanged"] < 40
    done = session.installation.run("runs", "resume", stopped["run"], "--json")
    assert done.status == 0, done.stderr
    assert done.json()["outcomes"] == {"unchanged": 40}


def test_o4_a_paused_run_stays_paused_and_a_cancelled_one_is_over(session: Session, wave: Workload) -> None:
    installation = session.installation
    with running(installation, "replay", LISTING, *WHY, *SLOW) as process:
        until(lambda: state(session)[1] > 0, 30, "the first batch")
        ((id,),) = query(installation.database_url, "SELECT id FROM run")
        assert installation.run("runs", "pause", id).status == 0
        assert ended(process, 1)["state"] == "paused"
    installation.leave(0)
    installation.start(1)
    assert state(session)[0] == "paused"
    assert installation.run("runs", "cancel", id).stdout == f"run {id} is cancelled\n"
    again = installation.run("runs", "resume", id)
    assert again.status == 2
    assert f"run {id} is cancelled" in again.stderr


def test_o4_a_detached_run_is_worked_off_by_the_service_and_goes_on_in_another_process(
    session: Session, wave: Workload
) -> None:
    installation = session.installation
    begun = installation.run("replay", LISTING, *WHY, *QUITE_SLOW, "--detach", "--json")
    assert begun.status == 0, begun.stderr
    until(lambda: state(session)[1] > 0, 30, "the first batch")
    installation.kill(0)
    execute(installation.database_url, "UPDATE run SET lease_until = now()")  # as if half a minute had passed
    judged = state(session)
    assert judged[0] == "running"
    installation.start(1)
    until(lambda: state(session) == ("done", 40), 60, "the run to be done")
    shown = installation.run("runs", "show", begun.json()["run"], "--json").json()
    assert shown["detached"] is True
    assert shown["outcomes"] == {"unchanged": 40}


def test_o4_two_executors_never_have_the_same_run(session: Session, wave: Workload) -> None:
    installation = session.installation
    with running(installation, "replay", LISTING, *WHY, *SLOW) as process:
        until(lambda: state(session)[1] > 0, 30, "the first batch")
        ((id,),) = query(installation.database_url, "SELECT id FROM run")
        second = installation.run("runs", "resume", id)
        assert second.status == 2
        assert "is being worked on" in second.stderr
        # the first one slept for too long, and a third took the run over and was killed
        execute(installation.database_url, "UPDATE run SET epoch = epoch + 1")
        assert ended(process, 1)["error"] == "another executor has taken the run over"
    execute(installation.database_url, "UPDATE run SET lease_until = now(), records_per_second = NULL")
    fourth = installation.run("runs", "resume", id, "--json")
    assert fourth.json()["outcomes"] == {"unchanged": 40}


def test_o3_the_services_groups_and_offsets_are_the_same_before_and_after(session: Session, wave: Workload) -> None:
    installation = session.installation
    before = groups(installation), positions(installation)
    done = installation.run("replay", LISTING, *WHY, "--json")
    assert done.status == 0, done.stderr
    assert (groups(installation), positions(installation)) == before


def groups(installation: Installation) -> dict[str, list[str]]:
    """Every consumer group of the cluster that is the installation's, with its members."""
    admin = AdminClient({"bootstrap.servers": installation.bootstrap})
    ids = [group.group_id for group in admin.list_consumer_groups().result(10).valid]
    ours = [id for id in ids if id.startswith(installation.prefix)]
    described = admin.describe_consumer_groups(ours)
    return {id: sorted(member.member_id for member in group.result(10).members) for id, group in described.items()}


def positions(installation: Installation) -> list[Any]:
    """Where the service stands, and under which epochs."""
    sql = "SELECT topic, partition, epoch, next_offset FROM consumer_offset ORDER BY 1, 2"
    return [tuple(row) for row in query(installation.database_url, sql)]


def test_o7_a_run_waits_until_its_last_event_is_acknowledged_and_says_for_what(
    session: Session, wave: Workload
) -> None:
    installation = session.installation
    execute(
        installation.database_url, "UPDATE doctor SET version = 0, licensed = false; UPDATE roster SET published = NULL"
    )
    installation.leave(0)  # nobody publishes now
    with running(installation, "replay", STAFF, *WHY, "--rate", "1000") as process:
        until(lambda: state(session)[1] == 4, 30, "the records to be judged")
        assert state(session)[0] == "running"
        installation.start(1)
        done = ended(process, 0)
    assert done["events"]["listning.doctor.v1"] == {"published": 8}
    assert query(installation.database_url, "SELECT sum(last_seq - published_seq) FROM outbox_shard")[0][0] == 0
