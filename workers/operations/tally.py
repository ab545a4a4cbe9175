"""What came of the records that were judged: outcomes, events, and one digest over all of it (operations.md)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Self

from handlers.world.changes import ChangeRecord, Outcome
from infra.events import published
from infra.postgres.runs import Totals
from schemas.topics import TOPICS
from workers.pipeline.inbound import InboundRecord

_DIGEST_BYTES = 32
#: whose records are only ever read to be published once more
_PUBLISHED = frozenset(topic.name for topic in TOPICS if topic.direction == "out")


@dataclass(slots=True)
class Tally:
    """Counts by outcome, and of events by topic and what they say. The digest is the sum of the hashes of every record
    with its outcome and of every event's id, so it depends neither on their order nor on how they came in batches."""

    outcomes: Counter[str] = field(default_factory=Counter)
    events: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    digest: int = 0

    @classmethod
    def of(cls, totals: Totals) -> Self:
        """What a run had come to."""
        tally = cls(Counter(totals.outcomes), digest=int.from_bytes(totals.digest))
        for topic, counts in totals.events.items():
            tally.events[topic].update(counts)
        return tally

    def copy(self) -> Tally:
        """One of its own."""
        return Tally.of(self.totals({}))

    def add(self, batch: Iterable[InboundRecord], changes: Iterable[ChangeRecord]) -> None:
        """Counts records that have been judged, and what that has changed."""
        for inbound in batch:
            outcome, record = str(inbound.outcome), inbound.record
            self.outcomes[outcome] += 1
            self._hash(f"{inbound.cause.topic}/{record.partition}/{record.offset} {outcome}")
            if inbound.cause.topic in _PUBLISHED and inbound.outcome is Outcome.REPEATED:
                self.events[inbound.cause.topic]["republished"] += 1
        for change in changes:
            event = published(change)
            if event is not None:
                self.events[event.topic][event.what] += 1
                self._hash(f"{event.topic} {event.id}")

    def totals(self, sequences: dict[int, int]) -> Totals:
        """As a run stores it."""
        events = {topic: dict(counts) for topic, counts in self.events.items() if counts}
        return Totals(dict(self.outcomes), events, self.digest.to_bytes(_DIGEST_BYTES), sequences)

    @property
    def published(self) -> int:
        """How many events there are."""
        return sum(counts.total() for counts in self.events.values())

    def _hash(self, text: str) -> None:
        self.digest = (self.digest + int.from_bytes(sha256(text.encode()).digest())) % (1 << 8 * _DIGEST_BYTES)
