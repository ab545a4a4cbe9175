"""What one worker does with its topic; the routes there are stand in `workers/routes.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Protocol

from handlers.decide import Handlers
from schemas.envelope import Record
from workers.pipeline.assignment import Assignment
from workers.pipeline.inbound import InboundRecord
from workers.runtime import Runtime


class Commit(Protocol):
    """Handles a batch of the route's topic, whose partitions are in the assignment, in a transaction or several."""

    def __call__(
        self, route: Route, runtime: Runtime, assignment: Assignment, batch: list[InboundRecord]
    ) -> Awaitable[None]:
        """Returns when the batch is committed, its offsets included. Raises what the database raises, and Fenced."""


@dataclass(frozen=True)
class Route:
    """A topic (the contract's name) on its way to its handlers."""

    topic: str
    handlers: Handlers
    commit: Commit
    #: types of events that alone tell what they need of the world: it is loaded for the whole batch at once
    known_upfront: frozenset[type] = frozenset()
    #: its facts change what every decision reads, so nothing else happens meanwhile
    exclusive: bool = False
    #: batches at a time, each of other partitions
    in_flight: int = 1
    #: most records in one batch; None: as many as the setting BATCH_RECORDS says
    batch_records: int | None = None
    #: records that come while their partition is busy wait in a queue, and may be handled out of order
    queued: bool = False


class Processor(Protocol):
    """What handles the records of a route."""

    route: Route
    runtime: Runtime

    async def process(self, assignment: Assignment, records: Sequence[Record]) -> None:
        """Begins to handle them; returns when more may come."""

    def busy(self, assignment: Assignment) -> frozenset[int]:
        """The partitions of which no further record may come now."""
