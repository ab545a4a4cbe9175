"""A reconcile run: of the newest records of a topic those that are not held as they are, are judged again (V3).

No list of them is stored. The run reads its range as the comparison did, once for which record stands for whom and once
for those records, and asks of each batch again what differs at that moment; so it can be killed and go on, and what the
service has handled meanwhile is left alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from aiokafka import TopicPartition

from infra.errors import DayUnknown
from infra.kafka.ranges import RangeCounts, read_range
from infra.patient_keys import PatientKeys
from infra.postgres.rehearsal import snapshot
from infra.postgres.runs import Kind, Run, RunPartition
from schemas.envelope import Record
from workers.operations.execution import Execution
from workers.operations.judging import Decide, facts, judge_all
from workers.operations.ranges import Batch, batches
from workers.operations.reconciliation.comparison import Comparison
from workers.operations.reconciliation.newest import Newest
from workers.operations.selection import Selection
from workers.operations.session import Session
from workers.pipeline.inbound import InboundRecord, decode
from workers.pipeline.route import Route
from workers.routes import ROUTES
from workers.runtime import Runtime

#: after so many offsets of which nothing differs the run moves on all the same
_MOST_UNSAVED = 200_000


@dataclass(frozen=True)
class Reconcile:
    """One of staff, unit and listing; `parts` are the offsets that the compared snapshot stood for (V1)."""

    what: str
    parts: tuple[RunPartition, ...] = ()
    kind: ClassVar[Kind] = "reconcile"

    @property
    def route(self) -> Route:
        """The topic's."""
        return ROUTES[self.what]

    def decide(self, *, rehearsal: bool) -> Decide:
        """Facts as ever."""
        return facts(self.route)

    def execution(self, runtime: Runtime, run: Run, waits: Callable[[str | None], None]) -> Execution:
        """What judges its records in earnest."""
        return Execution(runtime, self.route, run, self.decide(rehearsal=False), waits)

    async def freeze(self, session: Session) -> list[RunPartition]:
        """As compared."""
        return list(self.parts)

    async def batches(self, session: Session, part: RunPartition) -> AsyncIterator[Batch]:
        """Of what is left of the partition the records that stand and are not held as they are."""
        newest = await self.newest(session, part)
        async for batch in _differing(session, self.what, self.route, self.standing(session, part, newest)):
            yield batch

    async def newest(
        self, session: Session, part: RunPartition, reached: Callable[[int], None] | None = None
    ) -> Newest:
        """Which records of the whole range stand. `reached` is told the offset. Raises as `read_range` does."""
        topic, newest, counts = self.route.topic, Newest(), RangeCounts(part.first_offset, part.end_offset)
        tp = TopicPartition(session.runtime.settings.topic(topic), part.partition)
        async for records in read_range(session.reader, tp, counts):
            for record in records:
                newest.hear(decode(topic, record))
            if reached is not None:
                reached(counts.position)
        return newest

    def standing(self, session: Session, part: RunPartition, newest: Newest) -> AsyncIterator[Batch]:
        """The records that stand, of what is left of the partition. Raises as `read_range` does."""
        settings, topic = session.runtime.settings, self.route.topic
        selection, size = _Standing(newest=newest), settings.batch_records
        return batches(session.reader, settings.topic(topic), topic, part, selection, session.runtime.keys, size)

    def as_json(self) -> dict[str, Any]:
        """What a run remembers."""
        return {"what": self.what}


@dataclass(frozen=True)
class _Standing(Selection):
    """The records that stand for somebody."""

    newest: Newest = field(default_factory=Newest)

    def wants(self, record: Record) -> bool:
        """Any may."""
        return True

    def takes(self, inbound: InboundRecord, keys: PatientKeys) -> bool:
        """Those that do."""
        return self.newest.stands(inbound)


async def _differing(session: Session, what: str, route: Route, found: AsyncIterator[Batch]) -> AsyncIterator[Batch]:
    """Of the batches the records that differ from what is held at that moment; others are passed over."""
    before = None
    batch = None
    async for batch in found:
        before = before or batch.before
        different = await _compared(session, what, route, batch)
        if different or batch.after.next_offset - before.next_offset >= _MOST_UNSAVED:
            yield Batch(different, before, batch.after)
            before = None
    if batch is not None and before is not None:
        yield Batch([], before, batch.after)


async def _compared(session: Session, what: str, route: Route, batch: Batch) -> list[InboundRecord]:
    if not batch.records:
        return []
    async with snapshot(session.runtime.engine) as state:
        if state.day.day is None:
            raise DayUnknown
        comparison = Comparison(session.runtime, state, state.day.day, route, what)
        async for _ in judge_all(comparison, _one(batch)):
            pass
    return comparison.differing


async def _one(batch: Batch) -> AsyncIterator[Batch]:
    yield batch
