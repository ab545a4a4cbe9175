"""A command on a terminal of its own, and what is typed there."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Session(NamedTuple):
    """Exit code, stdout (a pipe), and what the terminal shows: stderr and what is typed."""

    status: int
    stdout: str
    shown: str


def on_a_terminal(command: Sequence[str], typed: bytes, settings: Mapping[str, str] | None = None) -> Session:
    """Runs the command in the folder of the product."""
    ours, theirs = pty.openpty()
    env = {**os.environ, **(settings or {})}
    with subprocess.Popen(command, cwd=ROOT, env=env, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        os.write(ours, typed)
        shown = b""
        try:
            while piece := os.read(ours, 4096):
                shown += piece
        except OSError:  # Linux's way to say that the other end is closed
            pass
        assert process.stdout is not None
        stdout = process.stdout.read().decode()
    os.close(ours)
    return Session(process.returncode, stdout, shown.decode())
