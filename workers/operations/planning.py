"""What a preview decided on each record, held against what is decided later (R7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

from handlers.world.changes import ChangeRecord, Outcome, Place
from infra.events import published
from workers.pipeline.inbound import InboundRecord

#: outcomes that change nothing
_QUIET = frozenset({Outcome.UNCHANGED, Outcome.STALE, Outcome.REPEATED, Outcome.SKIPPED})
_DECISION_BYTES = 8
#: so many of the records that were left alone are listed
MOST_LISTED = 1_000


def decisions(batch: Sequence[InboundRecord], changes: Iterable[ChangeRecord]) -> dict[Place, bytes]:
    """By the place of each record that changes something, a hash of its outcome and of the ids of its events."""
    events: dict[Place, list[str]] = defaultdict(list)
    for change in changes:
        event, cause = published(change), getattr(change, "cause", None)
        if event is not None and cause is not None and cause.place is not None:
            events[cause.place].append(f"{event.topic} {event.id} {event.what}")
    found = {}
    for inbound in batch:
        place = inbound.cause.place
        if place is not None and (inbound.outcome not in _QUIET or events[place]):
            text = "\n".join([str(inbound.outcome), *sorted(events[place])])
            found[place] = sha256(text.encode()).digest()[:_DECISION_BYTES]
    return found


def differing(
    batch: Sequence[InboundRecord], decided: Mapping[Place, bytes], planned: Mapping[Place, bytes]
) -> set[Place]:
    """The records of the batch on which something else is decided than was planned."""
    places = {inbound.cause.place for inbound in batch if inbound.cause.place is not None}
    return {place for place in places if decided.get(place) != planned.get(place)}
