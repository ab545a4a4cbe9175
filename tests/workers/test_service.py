"""A process shuts down when it is told to."""

from __future__ import annotations

import subprocess
import sys

STUCK = """
import asyncio
from infra import timing
from infra.logs import configure
from workers import service

async def never() -> None:
    service._shut_down(lambda: None, lambda: 3)
    await asyncio.Event().wait()

configure("json")
timing.SHUTDOWN_SECONDS = 0.1
asyncio.run(never())
"""


def test_a_shutdown_that_hangs_ends_the_process_all_the_same_and_says_what_it_waits_for() -> None:
    ended = subprocess.run([sys.executable, "-c", STUCK], timeout=30, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (3, "")
    assert '"waits_for":["Event.wait"],"event":"shutdown timed out"' in ended.stderr
