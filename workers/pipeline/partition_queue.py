"""Records of one partition in the order of their offsets: the batch in hand, and those that wait for it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain

from schemas.command import ImportLinks
from workers.pipeline.inbound import InboundRecord

#: records of one partition that may wait behind a file before no more are fetched
_MOST_WAITING = 500


@dataclass(slots=True)
class PartitionQueue:
    """The queue of a partition for as long as one of its batches is in flight."""

    in_hand: list[InboundRecord] = field(default_factory=list)
    waiting: deque[InboundRecord] = field(default_factory=deque)
    added: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def open(self) -> bool:
        """Whether records that come now may be handled before those that are here."""
        return len(self.waiting) < _MOST_WAITING and any(map(is_file, chain(self.in_hand, self.waiting)))

    def add(self, batch: Iterable[InboundRecord]) -> None:
        """Appends newly fetched records."""
        self.waiting.extend(batch)
        self.added.set()

    def next(self) -> list[InboundRecord]:
        """The next batch, in hand from now on: parts of files, or what lies before the next of them. Empty at the
        end."""
        self.in_hand = []
        while self.waiting and is_file(self.waiting[0]) == is_file((self.in_hand or self.waiting)[0]):
            self.in_hand.append(self.waiting.popleft())
        return self.in_hand

    def runnable_now(self) -> list[InboundRecord]:
        """Those whose turn need not be waited for: nothing before them has their key or is of their unit."""
        before = {name for inbound in self.in_hand for name in _ordering_keys(inbound)}
        found: list[InboundRecord] = []
        for inbound in self.waiting:
            if inbound.processed_out_of_order:
                continue
            keys = _ordering_keys(inbound)
            readable = inbound.dead_letter_reason is None and not inbound.must_wait_its_turn
            if readable and not is_file(inbound) and before.isdisjoint(keys):
                found.append(inbound)
            else:
                before |= keys
        return found


def is_file(inbound: InboundRecord) -> bool:
    """Whether the record is a part of a file, which may take long."""
    return isinstance(inbound.event, ImportLinks)


def _ordering_keys(inbound: InboundRecord) -> set[bytes | None]:
    """Whose order a record must keep: its key's and its unit's."""
    if inbound.event is None:
        return {inbound.record.key}
    return {inbound.record.key, inbound.event.unit_hsa_id.encode()}
