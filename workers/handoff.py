"""Committed events on their way from the batches to the relay of the same process, past the table."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any

from infra.outbox_event import OutboxEvent


class Handoff:
    """Carries committed events from the batches to the relay.

    Only a shortcut: what is not taken in (nobody leads here, or too much waits) is found in the table. Events may come
    in any order of commits; a shard's come out in sequence, up to the first gap.
    """

    def __init__(self, *, max_events: int = 50_000, max_bytes: int = 48 << 20) -> None:
        """Takes nothing in while it holds more than `max_events`, or `max_bytes` of values."""
        self.ready = asyncio.Event()
        self._max = (max_events, max_bytes)
        self._open = False
        self._segments: dict[int, deque[list[OutboxEvent]]] = {}
        self._committed: dict[int, int] = {}
        self._events = 0
        self._bytes = 0

    def open(self) -> None:
        """From now on events are taken in."""
        self._open = True

    def close(self) -> None:
        """Drops what is here, and everything put in until `open`."""
        self._open = False
        self._segments.clear()
        self._committed.clear()
        self._events = self._bytes = 0
        self.ready.clear()

    def put(self, rows: Iterable[OutboxEvent]) -> None:
        """To be called after the commit, with what it wrote to the outbox."""
        if not self._open:
            return
        for segment in _segments(rows):
            shard, last = segment[0].shard, segment[-1].seq
            self._committed[shard] = max(last, self._committed.get(shard, 0))
            if self._events < self._max[0] and self._bytes < self._max[1]:
                self._keep(shard, segment)
        self.ready.set()

    def take(self, shard: int, after: int) -> list[OutboxEvent]:
        """One run of events of the shard that begins right after sequence `after`; empty when there is none. What
        lies before is dropped."""
        segments = self._segments.get(shard)
        while segments:
            first = segments[0][0].seq
            if first > after + 1:
                break
            rows = segments.popleft()
            self._count(rows, -1)
            fresh = rows[after + 1 - first :]
            if fresh:
                return fresh
        if not segments:
            self._segments.pop(shard, None)
        return []

    def committed(self) -> dict[int, int]:
        """The last sequence put in since the last call, by shard: all up to it are in the table."""
        committed, self._committed = self._committed, {}
        return committed

    def _keep(self, shard: int, segment: list[OutboxEvent]) -> None:
        segments = self._segments.setdefault(shard, deque())
        late: list[list[OutboxEvent]] = []
        while segments and segments[-1][0].seq > segment[0].seq:
            late.append(segments.pop())
        segments.append(segment)
        segments.extend(reversed(late))
        self._count(segment, 1)

    def _count(self, rows: list[OutboxEvent], sign: int) -> None:
        self._events += sign * len(rows)
        self._bytes += sign * sum(len(row.value) for row in rows if row.value is not None)


_SEGMENT = 1_000  # events: what the relay takes at a time


def _segments(rows: Iterable[OutboxEvent]) -> Iterable[list[OutboxEvent]]:
    """The rows as runs without gaps, each of one shard and of a size that fits into a round."""
    runs: dict[int, list[OutboxEvent]] = {}
    done: list[list[OutboxEvent]] = []
    for row in rows:
        run: Any = runs.get(row.shard)
        if run is None or row.seq != run[-1].seq + 1 or len(run) >= _SEGMENT:
            run = runs[row.shard] = []
            done.append(run)
        run.append(row)
    return done
