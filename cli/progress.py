"""How far a command is, on stderr: a bar on a terminal, elsewhere a line now and then (O9)."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

OnProgress = Callable[[int], None]


@contextmanager
def progress(what: str, total: int) -> Iterator[OnProgress]:
    """Gives what is to be told how many of `total` are done; the time left is what the rate so far makes it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(what, total)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)


def _lines(what: str, total: int, clock: Callable[[], float] = time.monotonic) -> OnProgress:
    from infra import timing

    began = said = clock()

    def on_progress(done: int) -> None:
        nonlocal said
        now = clock()
        if done and now >= said + timing.COMMAND_PROGRESS_SECONDS:
            said = now
            left = (total - done) * (now - began) / done
            print(f"fastlakare: {what}: {done} of {total}, {duration(left)} left", file=sys.stderr, flush=True)

    return on_progress


def duration(seconds: float) -> str:
    """Seconds, minutes or hours, whichever says it best."""
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    return f"{round(whole / 60)} min" if whole < 7_200 else f"{round(whole / 3_600)} h"
