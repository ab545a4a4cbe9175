"""What the runbook tells to type where a partition has stopped, typed."""

from __future__ import annotations

import shlex
from typing import Any

from tests.harness.invariants import query
from tests.harness.pages import block
from tests.harness.session import Session

#: what the page tells operators to type where a partition has stopped, for a partition of the page's
PAGE = "docs/runbook/a-partition-stopped.md"
DRY_RUN, SKIP = (shlex.split(block(PAGE, how))[1:] for how in ("--dry-run", "--yes"))


def typed(words: list[str], place: str) -> list[str]:
    """The page's command, of another partition."""
    at = words.index("skip") + 1
    return [*words[:at], place, *words[at + 1 :]]


def audited(session: Session) -> list[tuple[Any, ...]]:
    """What the audit trail says of operators."""
    return query(
        session.installation.database_url,
        "SELECT what, rule, topic, partition, reason, run, run_reason FROM audit WHERE run IS NOT NULL ORDER BY id",
    )


def went_on(session: Session, place: str, why: str, lost: dict[str, int] | None) -> None:
    """What the page tells to type, while no process runs: it shows what stopped the partition and moves it on once."""
    installation = session.installation
    shown = installation.run("partition", "show", "--json")
    assert shown.status == 1
    (found,) = [one for one in shown.json()["partitions"] if f"{one['topic']}/{one['partition']}" == place]
    assert (found["stopped"]["why"], found["lost"], found["held_by"]) == (why, lost, [])
    assert f"{place}: {found['stopped']['text']}" in installation.run("partition", "show").stdout
    epochs = "SELECT topic, partition, epoch FROM consumer_offset ORDER BY 1, 2"
    before = query(installation.database_url, epochs)
    assert installation.run(*typed(SKIP, place)[:3]).status == 2, "nobody confirmed"
    preview = installation.run(*typed(DRY_RUN, place), "--json")
    assert (preview.status, preview.json()["lost"], query(installation.database_url, epochs)) == (0, lost, before)
    done = installation.run(*typed(SKIP, place), "--json")
    assert (done.status, done.json()["lost"], done.json()["refused"]) == (0, lost, None)
    whole, row = audited(session)
    assert (whole[0], f"{row[2]}/{row[3]}", row[5]) == ("partition skip", place, done.json()["run"])
    assert (row[1], row[6]) == ("O1", SKIP[SKIP.index("--reason") + 1])
    moved = {
        tuple(now)[:2] for now, was in zip(query(installation.database_url, epochs), before, strict=True) if now != was
    }
    assert moved == {(found["topic"], found["partition"])}, "and no other"
    again = installation.run(*typed(SKIP, place), "--json")
    assert (again.status, again.json()["run"], len(audited(session))) == (0, None, 2), "nothing is left to do"
    assert installation.run("partition", "show").status == 0
