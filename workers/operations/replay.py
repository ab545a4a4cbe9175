"""Replay: records of a topic are judged again, first in a rehearsal, then in earnest (operations.md, Replay)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from infra.errors import UnusableSelection
from infra.postgres import outcomes
from infra.postgres.connection import checkout
from infra.postgres.runs import Kind, Run, RunPartition
from schemas.topics import LISTNING_CLOCK, LISTNING_COMMAND
from workers.operations.execution import Execution
from workers.operations.judging import Decide, answered_commands, facts
from workers.operations.ranges import Batch, batches, freeze
from workers.operations.selection import Selection
from workers.operations.session import Session
from workers.pipeline.inbound import InboundRecord
from workers.pipeline.route import Route
from workers.routes import ROUTES
from workers.runtime import Runtime


@dataclass(frozen=True)
class Replay:
    """What an operator asks for: the selected records of a topic, by the contract's name (R1, R3)."""

    topic: str
    selection: Selection
    resend_replies: bool = False
    kind: ClassVar[Kind] = "replay"

    @property
    def route(self) -> Route:
        """The topic's. Raises UnusableSelection for one that cannot be replayed."""
        if self.topic == LISTNING_CLOCK:
            raise UnusableSelection(
                f"{LISTNING_CLOCK} cannot be replayed: a day that has begun never begins again (T1), and what it caused"
                " was decided on what was known then (R4)"
            )
        for route in ROUTES.values():
            if route.topic == self.topic:
                return route
        replayable = [route.topic for route in ROUTES.values() if route.topic != LISTNING_CLOCK]
        raise UnusableSelection(f"there is nothing to replay of {self.topic}: choose one of {', '.join(replayable)}")

    def execution(self, runtime: Runtime, run: Run, waits: Callable[[str | None], None]) -> Execution:
        """What judges its records in earnest."""
        planned = bool(run.selection.get("planned"))
        return Execution(runtime, self.route, run, self.decide(rehearsal=False), waits, planned=planned)

    def decide(self, *, rehearsal: bool) -> Decide:
        """What is done with its records, in a rehearsal too."""
        if self.topic == LISTNING_COMMAND:
            return answered_commands(resend_replies=self.resend_replies)
        return facts(self.route)

    def as_json(self) -> dict[str, Any]:
        """What a run remembers."""
        return {**self.selection.as_json(), "resend_replies": self.resend_replies}

    @classmethod
    def of(cls, run: Run) -> Replay:
        """What a run was begun for."""
        return cls(run.topic, Selection.from_json(run.selection), run.selection["resend_replies"])

    async def freeze(self, session: Session) -> list[RunPartition]:
        """The range of each partition, which from now on is fixed (O5). Raises UnusableSelection, and KafkaError."""
        return await freeze(session.reader, session.runtime.settings.topic(self.route.topic), self.selection)

    async def batches(self, session: Session, part: RunPartition) -> AsyncIterator[Batch]:
        """The selected records of what is left of the partition."""
        async for batch in self._read(session, part):
            if self.selection.outcomes and batch.records:
                batch.records = await self._ended_so(session, batch.records)
            yield batch

    async def _ended_so(self, session: Session, records: list[InboundRecord]) -> list[InboundRecord]:
        places = [inbound.cause.place for inbound in records if inbound.cause.place is not None]
        async with checkout(session.runtime.engine) as pg:
            found = await outcomes.ended_so(pg, self.topic, places, self.selection.outcomes)
        return [inbound for inbound in records if inbound.cause.place in found]

    def _read(self, session: Session, part: RunPartition) -> AsyncIterator[Batch]:
        settings = session.runtime.settings
        size = self.route.batch_records or settings.batch_records
        topic = settings.topic(self.topic)
        return batches(session.reader, topic, self.topic, part, self.selection, session.runtime.keys, size)
