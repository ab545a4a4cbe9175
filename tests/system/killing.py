"""Runs that are killed at every step of their transactions, and resumed."""

from __future__ import annotations

from typing import Any

from tests.harness.invariants import query
from tests.harness.postgres import execute
from tests.harness.session import Session
from workers.pipeline.transaction import FAILPOINTS

#: of a run, which has no inbox of its own but for commands
STEPS = [step for step in FAILPOINTS if step != "batch:2-inbox"]


def killed_at_every_step(session: Session, *words: str, batch: int, times: int = 1) -> Any:
    """Begins the only run with a command that dies at the first step, resumes it, and so on; returns the document of
    the one that lives. Each dies the time named, so that it does something before; `batch`: records in one."""
    for step in STEPS:
        killed = session.installation.run(*words, "--json", FAILPOINT=f"{step}:{times}", BATCH_RECORDS=f"{batch}")
        assert killed.status == 137, killed.stderr
        ((run,),) = query(session.installation.database_url, "SELECT id FROM run")
        words = "runs", "resume", run
        # as if half a minute had passed
        execute(session.installation.database_url, "UPDATE run SET lease_until = now()")
    done = session.installation.run(*words, "--json")
    assert done.status == 0, done.stderr
    return done.json()
