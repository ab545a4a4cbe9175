"""Holds topics, or a dump from the source system, against one snapshot of the database (V1, V2)."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from infra.errors import DayUnknown
from infra.postgres.offsets import read_all
from infra.postgres.reconciliation import held
from infra.postgres.rehearsal import Snapshot, snapshot
from infra.postgres.runs import RunPartition
from workers.operations.judging import Rehearsal, judge_all
from workers.operations.ranges import Batch
from workers.operations.reconciliation.comparison import Comparison
from workers.operations.reconciliation.findings import Finding
from workers.operations.reconciliation.newest import Entity, Newest
from workers.operations.reconciliation.work import Reconcile
from workers.operations.report import Progress, Report
from workers.operations.session import Session

#: of each range half the progress is finding out which records stand, and half comparing them
_PASSES = 2


@dataclass
class _Seen:
    """Whom a topic spoke of: 8 bytes a patient."""

    names: set[str] = field(default_factory=set)
    numbers: array[int] = field(default_factory=lambda: array("q"))

    def add(self, entity: Entity) -> None:
        if isinstance(entity, str):
            self.names.add(entity)
        else:
            self.numbers.append(entity)

    def sort(self) -> None:
        self.numbers = array("q", sorted(self.numbers))

    def __contains__(self, entity: Entity) -> bool:
        if isinstance(entity, str):
            return entity in self.names
        place = bisect_left(self.numbers, entity)
        return place < len(self.numbers) and self.numbers[place] == entity


@dataclass
class _Position:
    """Tells how far a partition is, of which the range is read twice: for what stands, and to compare that."""

    progress: Progress
    part: RunPartition
    passes: int = 0

    def __post_init__(self) -> None:
        self._key = len(self.progress.parts)
        end = self.part.first_offset + _PASSES * (self.part.end_offset - self.part.first_offset)
        self.progress.parts[self._key] = self.part._replace(end_offset=end)

    def __call__(self, offset: int, compared: int = 0) -> None:
        """It is there in its present pass; so many more are compared."""
        self.progress.tally.outcomes["compared"] += compared
        done = offset + self.passes * (self.part.end_offset - self.part.first_offset)
        self.progress.parts[self._key] = self.progress.parts[self._key]._replace(next_offset=done)
        self.progress.waits(None)


async def compare(session: Session, works: Sequence[Reconcile], progress: Progress, *, rehearse: bool) -> list[Finding]:
    """Each of the works, all against one snapshot. With `rehearse` it is told what a run would do about it (O2). Raises
    DayUnknown, UnusableSelection, and what Kafka and the database raise."""
    findings = []
    async with snapshot(session.runtime.engine) as state:
        if state.day.day is None:
            raise DayUnknown
        frozen = [work if work.parts else replace(work, parts=await _parts(session, state, work)) for work in works]
        positions = [[_Position(progress, part) for part in work.parts] for work in frozen]
        for work, reached in zip(frozen, positions, strict=True):
            findings.append(await _compare(session, state, state.day.day, work, reached, rehearse=rehearse))
    return findings


async def _parts(session: Session, state: Snapshot, work: Reconcile) -> tuple[RunPartition, ...]:
    """Of each partition what is handled in the snapshot, as far as it is still there."""
    topic = work.route.topic
    handled = await read_all(state.pg)
    ends = await session.reader.ends([session.runtime.settings.topic(topic)])
    parts = []
    for tp, end in sorted(ends.items()):
        last = min(handled.get((topic, tp.partition), 0), end.stable)
        first = min(end.begin, last)
        parts.append(RunPartition(tp.partition, first, last, first, first))
    return tuple(parts)


async def _compare(
    session: Session, state: Snapshot, today: date, work: Reconcile, positions: list[_Position], *, rehearse: bool
) -> Finding:
    comparison = Comparison(session.runtime, state, today, work.route, work.what)
    rehearsal = Rehearsal(session.runtime, state, work.decide(rehearsal=True)) if rehearse else None
    seen, read = _Seen(), []
    for position in positions:
        part = position.part
        newest = await work.newest(session, part, position)
        position.passes += 1
        async for batch in judge_all(comparison, work.standing(session, part, newest)):
            part = batch.after
            position(part.next_offset, len(batch.records))
            await _rehearse(rehearsal, comparison, batch)
        _add_all(seen, newest)
        read.append(part)
    await _tell_extra(state, comparison, seen)
    report = None
    if rehearsal is not None:
        tally, kind = rehearsal.tally, work.kind
        report = Report(None, None, kind, work.route.topic, today, read, tally, rehearsal.estimated_from)
    return Finding(work.what, comparison.counts, comparison.examples, work, report)


async def _rehearse(rehearsal: Rehearsal | None, comparison: Comparison, batch: Batch) -> None:
    """What the run would do with those that differ."""
    different, comparison.differing = comparison.differing, []
    if rehearsal is not None and different:

        async def one() -> AsyncIterator[Batch]:
            yield Batch(different, batch.before, batch.after)

        async for _ in judge_all(rehearsal, one()):
            pass


def _add_all(seen: _Seen, newest: Newest) -> None:
    for entity in newest.entities:
        seen.add(entity)


async def _tell_extra(state: Snapshot, comparison: Comparison, seen: _Seen) -> None:
    seen.sort()
    async for entity, version in held(state.pg, comparison.route.topic):
        if entity not in seen:
            comparison.counts["extra"] += 1
            comparison.tell("extra", entity, None, version, None)
