"""How far a run is, and what it did or would do, as data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from time import monotonic
from typing import Any

from handlers.world.changes import Place
from infra.postgres.runs import Kind, Run, RunPartition, State
from schemas.fields import instant
from schemas.topics import FAST_LAKARKONTAKT, LISTNING_DOCTOR
from workers.operations.tally import Tally

#: what is always told of, also where nothing was said
_TOLD = (FAST_LAKARKONTAKT, LISTNING_DOCTOR)


@dataclass
class Progress:
    """How far it is, from moment to moment: the parts of the partitions, what came of their records so far, and what is
    waited for."""

    parts: dict[int, RunPartition]
    tally: Tally = field(default_factory=Tally)
    waits_for: str | None = None
    since: float = field(default_factory=monotonic)

    def reached(self, part: RunPartition, tally: Tally) -> None:
        """A batch is done."""
        self.parts[part.partition], self.tally = part, tally
        self.waits(None)

    def waits(self, what: str | None) -> None:
        """It waits for something, or goes on."""
        if what != self.waits_for or what is None:
            self.waits_for, self.since = what, monotonic()

    @property
    def offsets(self) -> tuple[int, int]:
        """How many of the offsets are behind it, and how many there are."""
        done = sum(part.next_offset - part.first_offset for part in self.parts.values())
        return done, sum(part.end_offset - part.first_offset for part in self.parts.values())


@dataclass(frozen=True)
class Report:
    """What a replay did, or would do: `run` and `state` are None for a preview."""

    run: str | None
    state: State | None
    kind: Kind
    topic: str
    day: date
    parts: list[RunPartition]
    tally: Tally
    #: from where on a preview is an estimate (O2)
    estimated_from: str | None = None
    error: str | None = None
    #: of a plan that was carried out: records on which something else is decided by now
    differs: list[Place] = field(default_factory=list)

    @property
    def superseded(self) -> int:
        """Records of which nothing comes any more: something later, or the same, was handled."""
        return sum(self.tally.outcomes[outcome] for outcome in ("stale", "unchanged", "repeated"))

    def as_json(self) -> dict[str, Any]:
        """The shape that operations.md promises."""
        report: dict[str, Any] = {
            "run": self.run,
            "state": self.state,
            "topic": self.topic,
            "day": self.day.isoformat(),
            "dry_run": self.run is None or self.state == "planned",
            "range": [range_json(part, self.kind) for part in self.parts],
            "outcomes": dict(sorted(self.tally.outcomes.items())),
            "events": events_json(self.tally),
            "digest": self.tally.totals({}).digest.hex(),
        }
        if self.kind == "dlq_replay":
            report["superseded"] = self.superseded
        if self.differs:
            report["differs"] = [place._asdict() for place in self.differs]
        return report | {k: v for k, v in (("estimated_from", self.estimated_from), ("error", self.error)) if v}


def events_json(tally: Tally) -> dict[str, Any]:
    """The events by topic and what they say; 0 for a topic of which something could have been said."""
    events: dict[str, Any] = dict.fromkeys(_TOLD, 0)
    return events | {topic: dict(counts) for topic, counts in sorted(tally.events.items()) if counts}


def range_json(part: RunPartition, kind: Kind = "replay") -> dict[str, int]:
    """What was read of a partition (O5); between dead letters nothing is missing."""
    removed = part.read_offset - part.first_offset - part.records - part.aborted - part.control
    content = {
        "partition": part.partition,
        "from": part.first_offset,
        "to": part.end_offset,
        "records": part.records,
        "removed": 0 if kind == "dlq_replay" else removed,
        "control": part.control,
    }
    return content | ({"aborted": part.aborted} if part.aborted else {})


def report_of(run: Run, parts: list[RunPartition], error: str | None = None, differs: Iterable[Place] = ()) -> Report:
    """What the run has done so far."""
    assert run.day is not None, "a run begins on a day"
    return Report(
        run.id,
        run.state,
        run.kind,
        run.topic,
        run.day,
        parts,
        Tally.of(run.totals),
        error=error or run.error,
        differs=list(differs),
    )


def run_json(run: Run) -> dict[str, Any]:
    """A run as `fastlakare runs` lists it."""
    return {
        "run": run.id,
        "kind": run.kind,
        "topic": run.topic,
        "state": run.state,
        "working": run.working,
        "detached": run.detached,
        "selection": run.selection,
        "reason": run.reason,
        "actor": run.actor,
        "release": run.release,
        "started": instant(run.started_at),
        "changed": instant(run.changed_at),
        "outcomes": dict(run.outcomes),
        "error": run.error,
    }
