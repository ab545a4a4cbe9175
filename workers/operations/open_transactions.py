"""For how long somebody's transaction has been open on an input, and acknowledged records have waited behind it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from infra import timing
from infra.kafka.log_reader import Ends
from infra.kafka.record_counter import Count, Partition


class OpenTransaction(NamedTuple):
    """A transaction that was open on an input's partition at the last measurement, as this process has seen it:
    `offset` of its first record, `waiting` acknowledged records behind it; both times in seconds, 0 at first sight."""

    topic: str
    partition: int
    offset: int
    waiting: int
    open_seconds: float
    waiting_seconds: float


@dataclass(frozen=True)
class _Seen:
    """Since when a partition's last stable offset has stood where it stands, and since when anything has waited."""

    offset: int
    since: float
    waiting_since: float | None


def problems(transactions: Iterable[OpenTransaction]) -> dict[str, str]:
    """What an operator must see to, by component of readiness: acknowledged records have waited behind a transaction
    for as long as any component may go without progress."""
    return {
        f"{one.topic}/{one.partition}/transaction": (
            f"a transaction of the topic's senders has been open for {one.open_seconds:.0f} s, from offset {one.offset}"
            f" on; acknowledged records that wait behind it: {one.waiting}"
        )
        for one in transactions
        if one.waiting_seconds > timing.NO_PROGRESS_SECONDS
    }


class OpenTransactions:
    """What successive measurements saw. Kafka tells no more than where the oldest transaction begins, so one that
    follows another at once counts from when it was seen first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[Partition, _Seen] = {}

    def observe(self, ends: Mapping[Partition, Ends], counts: Mapping[Partition, Count]) -> list[OpenTransaction]:
        """The transactions that are open by this measurement."""
        now, before, self._seen = self._clock(), self._seen, {}
        found = []
        for where, (_, stable, end) in ends.items():
            if stable >= end:
                continue
            waiting = counts[where].behind_open_transaction if where in counts else 0
            seen = before.get(where)
            if seen is None or seen.offset != stable:
                seen = _Seen(stable, now, None)
            waiting_since = (seen.waiting_since if seen.waiting_since is not None else now) if waiting else None
            self._seen[where] = _Seen(stable, seen.since, waiting_since)
            waited = 0.0 if waiting_since is None else now - waiting_since
            found.append(OpenTransaction(*where, stable, waiting, now - seen.since, waited))
        return found
