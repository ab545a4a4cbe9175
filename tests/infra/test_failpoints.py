"""Failpoints: a process dies where it is told to, and nowhere else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

PROGRAM = (
    "from infra.failpoints import hit; [hit(name) for name in ('a', 'b', 'a', 'c', 'x:1-y', 'x:1-y')]; print('lives')"
)


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        *((None, 0), ("", 0), ("d", 0), ("a", 137), ("a:2", 137), ("a:3", 0), ("c", 137)),
        *(("x:1-y", 137), ("x:1-y:2", 137), ("x:1-y:3", 0), ("x", 0)),
    ],
)
def test_the_process_dies_at_the_named_point(asked: str | None, status: int) -> None:
    environment = {**os.environ, "PYTHONPATH": os.getcwd()} | ({} if asked is None else {"FASTLAKARE_FAILPOINT": asked})
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (status, "" if status else "lives\n")


def test_the_process_sleeps_at_the_named_point_and_goes_on_when_woken() -> None:
    environment = {**os.environ, "PYTHONPATH": os.getcwd(), "FASTLAKARE_FAILPOINT": "x:1-y=stop"}
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment, stdout=subprocess.PIPE, text=True)
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    process.send_signal(signal.SIGCONT)
    assert process.communicate(timeout=10)[0] == "lives\n"
