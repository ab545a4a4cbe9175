"""The kinds of runs there are."""

from __future__ import annotations

from infra.postgres.runs import Run
from workers.operations.letter_replay import LetterReplay
from workers.operations.replay import Replay
from workers.operations.runs import Work


def work_of(run: Run) -> Work:
    """What the run does."""
    return LetterReplay.of(run) if run.kind == "dlq_replay" else Replay.of(run)
