"""A process leaves when it is told to."""

from __future__ import annotations

import subprocess
import sys

STUCK = """
import asyncio
from infra.logs import configure
from workers import service

async def never() -> None:
    service._leaving(lambda: None)
    await asyncio.Event().wait()

configure("json")
service._LEAVING_SECONDS = 0.1
asyncio.run(never())
"""


def test_what_cannot_leave_in_order_ends_all_the_same_and_says_so() -> None:
    ended = subprocess.run([sys.executable, "-c", STUCK], timeout=30, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert '"why":"not through with leaving after 0 s"' in ended.stderr
