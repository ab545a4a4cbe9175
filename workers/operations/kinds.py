"""The kinds of runs there are."""

from __future__ import annotations

from infra.postgres.runs import Run
from workers.operations.letter_replay import LetterReplay
from workers.operations.reconciliation.dump import reconcile_of
from workers.operations.replay import Replay
from workers.operations.republish import Republish
from workers.operations.runs import Work


def work_of(run: Run) -> Work:
    """What the run does."""
    match run.kind:
        case "dlq_replay":
            return LetterReplay.of(run)
        case "reconcile":
            return reconcile_of(run)
        case "republish":
            return Republish.of(run)
        case "replay":
            return Replay.of(run)
