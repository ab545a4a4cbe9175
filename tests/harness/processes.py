"""Processes and their children: CPU seconds and memory as Linux tells, and what a child must not inherit."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def seconds(pids: Iterable[int]) -> float:
    """CPU of these processes and all below them, those that ended and were waited for included."""
    return sum(_ticks(pid) for root in pids for pid in tree(root)) / _TICKS


def peak_mb(pid: int) -> float:
    """The most memory the process ever had in use, in MB (10^6 bytes)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def tree(root: int) -> list[int]:
    """The process and everything below it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))):
            children.setdefault(int(stat[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def _ticks(pid: int) -> int:
    stat = _stat(pid)
    return sum(int(field) for field in stat[11:15]) if stat else 0


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def heed_ctrl_c() -> None:
    """To be called in a child before it runs: a shell that runs the tests in the background has told them to ignore
    Ctrl-C, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
