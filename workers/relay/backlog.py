"""Which events the relay has still to publish, and where it gets them: out of the hand-off, else out of the table."""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg

from infra.errors import OutboxDiverged
from infra.outbox_event import OutboxEvent
from infra.postgres import outbox
from workers.handoff import Handoff

ROUND_EVENTS = 10_000
ROUND_BYTES = 8 << 20  # of values; a round goes over it by one run of the hand-off at most

Events = dict[int, list[OutboxEvent]]  # by shard, in sequence


class Backlog:
    """The distance between what the database has committed and what Kafka has, shard by shard."""

    def __init__(self, handoff: Handoff, positions: Mapping[int, int]) -> None:
        """`positions`: the last sequence that Kafka has committed, for every shard there is."""
        self.positions = dict(positions)
        self.read_table = False  # whether the last `collect` found gaps in the hand-off
        self._handoff = handoff
        self._targets: dict[int, int] = {}  # only of shards that are behind; the longest unserved comes first

    def __bool__(self) -> bool:
        """Whether anything is known to be unpublished."""
        return bool(self._targets)

    def aim(self, committed: Mapping[int, int]) -> bool:
        """Takes notice of sequences that the database has committed; True when one of them is new."""
        advanced = False
        for shard, seq in committed.items():
            if shard not in self.positions:
                raise OutboxDiverged(f"shard {shard} was added")
            if seq > max(self.positions[shard], self._targets.get(shard, 0)):
                self._targets[shard] = seq
                advanced = True
        return advanced

    async def collect(self, reader: asyncpg.Connection) -> Events:
        """What follows, without gaps, up to the size of a round; empty when nothing is behind.

        Raises OutboxDiverged where the table lacks events that it has committed.
        """
        events = self._from_handoff()
        room = ROUND_EVENTS - sum(map(len, events.values()))
        gaps = {shard: self.positions[shard] for shard in self._targets if shard not in events}
        self.read_table = bool(gaps) and room > 0
        if self.read_table:
            events |= await _from_table(reader, gaps, room)
        return events

    def published(self, events: Events) -> None:
        """Kafka has committed these."""
        for shard, rows in events.items():
            self.positions[shard] = rows[-1].seq
            target = self._targets.pop(shard)
            if target > rows[-1].seq:
                self._targets[shard] = target

    def waiting(self, committed: Mapping[int, int]) -> int:
        """The number of events not yet published."""
        return sum(max(0, seq - self.positions[shard]) for shard, seq in committed.items())

    def _from_handoff(self) -> Events:
        """A run of each shard that has one, again and again until the round is full."""
        events: Events = {}
        count = size = 0
        shards = list(self._targets)
        while shards:
            served = []
            for shard in shards:
                rows = events.get(shard)
                run = self._handoff.take(shard, rows[-1].seq if rows else self.positions[shard])
                if not run:
                    continue
                events.setdefault(shard, []).extend(run)
                served.append(shard)
                count += len(run)
                size += sum(len(row.value) for row in run if row.value is not None)
                if count >= ROUND_EVENTS or size >= ROUND_BYTES:
                    return events
            shards = served
        return events


async def _from_table(reader: asyncpg.Connection, gaps: Mapping[int, int], room: int) -> Events:
    size = ROUND_BYTES // len(gaps)
    events = await outbox.read(reader, gaps, events=max(1, room // len(gaps)), size=size)
    for shard, after in gaps.items():
        rows = events.get(shard)
        if not rows or rows[0].seq != after + 1 or rows[-1].seq != after + len(rows):
            raise OutboxDiverged(f"shard {shard}: events after sequence {after} are missing in the table")
    return events
