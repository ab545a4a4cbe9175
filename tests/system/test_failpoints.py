"""Processes that die or fall asleep at every point where something could be torn: the result is the same."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from tests.harness.histories import PATIENTS, World
from tests.harness.installation import Installation, Process, until
from tests.harness.workload import HOME, Workload
from tests.system.conftest import Opener
from workers.pipeline.transaction import FAILPOINTS
from workers.relay.leader import STEPS

pytestmark = pytest.mark.system

POINTS = [*FAILPOINTS, "clock:began", "clock:chunk", *(f"relay:{step}" for step in STEPS)]
#: sending to Kafka; after a batch's statements; amid one of them, which only other processes can end
SLEEPS = ("relay:4-collected:3", "relay:5-sent:3", "batch:5-save:9", "batch:6-copying")
_KILLED = 137


def launch_at(installation: Installation, point: str | None) -> Process:
    """One process that dies or sleeps at the point."""
    installation.extra.pop("FAILPOINT", None)
    if point is not None:
        installation.extra["FAILPOINT"] = point
    process = installation.launch()
    installation.extra.pop("FAILPOINT", None)
    return process


class CrashLoop:
    """One process at a time, each armed with the next point; the last one lives."""

    def __init__(self, installation: Installation, points: Iterator[str]) -> None:
        self._installation = installation
        self._points = points
        self.point: str | None = None
        self.process = self._next()

    def answer(self) -> None:
        """Waits until all that was sent is answered, whoever dies over it."""
        until(self._answered, 90, f"an answer, with {self.point}")

    def _next(self) -> Process:
        self.point = next(self._points, None)
        return launch_at(self._installation, self.point)

    def _answered(self) -> bool:
        if not self.process.alive():
            assert self.process.popen.returncode == _KILLED, self.process.output()[-3000:]
            self._installation.processes.remove(self.process)
            self.process = self._next()
        try:
            return self._installation.quiet() and self._installation.quiet()
        except AssertionError:  # it died while it was asked
            return False


def test_dying_once_at_every_failpoint_changes_nothing(opened: Opener) -> None:
    session = opened(0, INSTANCE_ID="mortal")  # whoever comes next need not wait for the dead one's session to end
    session.killed = len(POINTS)
    mortal = CrashLoop(session.installation, iter(POINTS))
    for step in World(21).steps(400):
        session.topics.publish(step.records)
        session.sent += step.records
        mortal.answer()
        if mortal.point is None:
            break
    assert mortal.point is None, f"{mortal.point} was never reached"
    found = [*session.differences(), *session.leaks(PATIENTS)]
    assert not found, "\n".join(found[:20])


def asleep(process: Process) -> bool:
    """Whether the process has been stopped."""
    found = os.waitid(os.P_PID, process.popen.pid, os.WSTOPPED | os.WNOWAIT | os.WNOHANG)
    return found is not None and found.si_code == os.CLD_STOPPED


@pytest.mark.parametrize("point", SLEEPS)
def test_a_process_that_slept_and_was_overtaken_tears_nothing_when_it_wakes(opened: Opener, point: str) -> None:
    session, wave = opened(0), Workload(300)
    installation = session.installation
    sleeper = launch_at(installation, f"{point}=stop")
    placed = [wave.sender.command("distribute-patients", HOME, seed=1)]
    overtaken = False
    for records in (*(step.records for step in wave.opening()), placed, wave.stream(2), wave.stream(2)):
        session.topics.publish(records)
        session.sent += records
        if overtaken:
            installation.settle(60)
            continue
        until(lambda: asleep(sleeper) or installation.quiet(), 60, "the process asleep, or all answered")
        if asleep(sleeper):
            overtaken = True
            installation.processes.remove(sleeper)
            installation.start(1)
            installation.settle(90)
            sleeper.popen.send_signal(signal.SIGCONT)
            installation.processes.append(sleeper)
    assert overtaken, "it never came to the point"
    installation.settle(60)
    until(lambda: all(one.ready()[0] == 200 for one in installation.processes), 60, "both of them ready")
    assert wave.faults(session) == []
