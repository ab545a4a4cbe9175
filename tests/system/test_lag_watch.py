"""`fastlakare lag --watch` with and without a service, on a terminal and for scripts."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from fcntl import ioctl
from select import select
from typing import Any

import pytest

from tests.harness.installation import ROOT, Installation, until
from tests.harness.processes import heed_ctrl_c
from tests.harness.records import COMMAND, LISTING, Sender
from tests.harness.session import Session
from tests.harness.workload import DOCTORS, HOME, Workload
from tests.scenarios.schedule import Step
from tests.system.test_open_transaction import open_transaction, plain, write

pytestmark = pytest.mark.system


@contextmanager
def watching(installation: Installation, stdout: Any, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command while it runs; ended by Ctrl-C, which is its orderly end."""
    command = installation.command("lag", "--watch", *words)
    process = subprocess.Popen(
        command,
        env=os.environ | installation.environment(),
        cwd=ROOT,
        stdout=stdout,
        stderr=subprocess.PIPE,
        preexec_fn=heed_ctrl_c,
    )
    try:
        yield process
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
        assert (process.returncode, stderr) == (0, b"")
    finally:
        process.kill()


def printed(process: subprocess.Popen[bytes]) -> str:
    """The next line."""
    assert process.stdout is not None
    if line := process.stdout.readline().decode():
        return line
    assert process.stderr is not None
    raise AssertionError(f"it ended: {process.stderr.read().decode()}")


def documents(installation: Installation, count: int) -> list[dict[str, Any]]:
    """So many, one a line."""
    with watching(installation, subprocess.PIPE, "--json") as process:
        return [json.loads(printed(process)) for _ in range(count)]


def on_a_terminal(installation: Installation, columns: int, shows: Sequence[str]) -> str:
    """What a terminal that is so wide shows until it shows all of that."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    shown = ""
    with watching(installation, theirs) as process:
        os.close(theirs)

        def complete() -> bool:
            nonlocal shown
            if select([ours], [], [], 0.1)[0]:
                shown += os.read(ours, 65_536).decode(errors="replace")
            assert process.poll() is None
            return all(text in shown for text in shows)

        until(complete, 60, f"the terminal to show {shows}")
    os.close(ours)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)


def test_without_a_service_it_tells_age_worst_partition_retention_and_what_waits_behind_a_transaction(
    session: Session,
) -> None:
    installation, wave = session.installation, Workload(2)
    session.step(Step([wave.sender.day("2025-05-26")]))
    installation.leave(0)
    now = Sender(datetime.now(UTC))
    session.topics.publish([now.command("pause-doctor", HOME, doctor_hsa_id=DOCTORS[0]) for _ in range(3)])
    with open_transaction(installation, wave.listing(wave.patients[0], HOME)) as hanging:
        write(plain(installation), installation, wave.listing(wave.patients[1], HOME))
        first, second = documents(installation, 2)
        narrow = on_a_terminal(installation, 80, ("behind an open transaction", "leaves retention", "0.0"))
        wide = on_a_terminal(installation, 200, ("behind an open transaction", "leaves retention"))
        hanging.abort_transaction()
    assert first["topics"][COMMAND]["in_per_second"] is None
    commands, listings = second["topics"][COMMAND], second["topics"][LISTING]
    assert (second["inputs"][COMMAND], commands["in_per_second"], commands["out_per_second"]) == (3, 0, 0)
    assert commands["drained_in_seconds"] is None
    assert commands["worst"]["records"] == 3
    assert 0 <= commands["oldest_seconds"] < 600
    assert commands["leaves_retention"]["offset"] == 0
    assert 29.9 < commands["leaves_retention"]["in_seconds"] / 86_400 <= 30
    assert second["behind_open_transaction"][LISTING] == 1
    assert listings["leaves_retention"] is None
    assert second["worst"]["topic"] == COMMAND, "its records came first"
    assert max(map(len, narrow.splitlines())) <= 80
    assert f"worst partition: {COMMAND}/{second['worst']['partition']}, 3 records from offset 0, the oldest " in wide
    for shown in (narrow, wide):
        assert f"behind an open transaction of its senders: {LISTING}, 1 records" in " ".join(shown.split())


def test_beside_the_service_it_tells_how_fast_records_come_and_are_handled(session: Session) -> None:
    installation = session.installation
    sender = Sender(datetime.now(UTC))
    session.step(Step([sender.day("2025-05-26")]))
    with watching(installation, subprocess.PIPE, "--json") as process:
        printed(process)
        session.topics.publish([sender.command("pause-doctor", HOME, doctor_hsa_id=DOCTORS[0]) for _ in range(40)])

        def handled() -> bool:
            found = json.loads(printed(process))["topics"][COMMAND]
            return bool(found["in_per_second"] and found["in_per_second"] == found["out_per_second"])

        until(handled, 60, "the rates to be equal")


def test_without_a_terminal_it_prints_lines(session: Session) -> None:
    session.step(Step([Workload(1).sender.day("2025-05-26")]))
    with watching(session.installation, subprocess.PIPE) as process:
        first, second = printed(process), printed(process)
    assert first.startswith("nothing waits; outbox ")
    assert second.endswith("day 2025-05-26\n")
