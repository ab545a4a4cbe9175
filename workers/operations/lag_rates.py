"""What successive measurements of the lag say: how fast records come and are handled, and when there is nothing left.

Pure: seconds come with the measurements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from schemas.envelope import instant
from workers.operations.lag import Lag


class WaitingPartition(NamedTuple):
    """A partition with records that are not handled: how many, and the first of them: its offset, its timestamp (ms
    since 1970; None: not known) and for how long the topic keeps it (ms; None: for ever, or not known)."""

    topic: str
    partition: int
    records: int
    offset: int
    timestamp_ms: int | None = None
    retention_ms: int | None = None


@dataclass(frozen=True)
class Measurement:
    """One of the lag at `at` (seconds, from anywhere) and `wall_ms` (ms since 1970), with the records that `came` and
    that were `handled` since the one before, by bare topic name."""

    at: float
    wall_ms: int
    lag: Lag
    came: Mapping[str, int]
    handled: Mapping[str, int]
    waiting: Sequence[WaitingPartition] = ()


class LeavesRetention(NamedTuple):
    """A record that is not handled and that the topic keeps for so many seconds more: 0 = it may go at any moment.
    Kafka deletes whole segments, so it goes then at the earliest."""

    topic: str
    partition: int
    offset: int
    seconds: float


class TopicRates(NamedTuple):
    """A topic: records not handled and those of them behind an open transaction, records that come and are handled a
    second (None until there are two measurements), seconds until none is left (None: never, at these rates), the age of
    the oldest in seconds, the partition that has most, and the record that leaves retention first."""

    topic: str
    waiting: int
    behind_open_transaction: int
    in_per_second: float | None
    out_per_second: float | None
    drained_seconds: float | None
    oldest_seconds: float | None
    worst: WaitingPartition | None
    leaves: LeavesRetention | None


@dataclass(frozen=True)
class LagRates:
    """All that `lag --watch` shows. `worst` is the partition whose oldest record is oldest."""

    wall_ms: int
    lag: Lag
    topics: Sequence[TopicRates]
    worst: WaitingPartition | None

    @property
    def leaving(self) -> list[LeavesRetention]:
        """What leaves retention first of each topic, the soonest first."""
        return sorted((one.leaves for one in self.topics if one.leaves is not None), key=lambda one: one.seconds)

    def age(self, partition: WaitingPartition) -> float | None:
        """The age of its oldest record, in seconds."""
        return _age(partition, self.wall_ms)

    def as_json(self) -> dict[str, Any]:
        """The shape of `lag --watch --json` (operations.md): that of `/lag` with more."""
        worst = self.worst
        return {
            "at": instant(datetime.fromtimestamp(self.wall_ms / 1000, UTC)),
            **self.lag.as_json(),
            "topics": {one.topic: _topic_as_json(one) for one in self.topics},
            "worst": None if worst is None else {"topic": worst.topic, **_worst_as_json(worst)},
        }


def rates(measurements: Sequence[Measurement]) -> LagRates:
    """What the measurements, the oldest first, say of the last of them."""
    first, *later = measurements
    last = measurements[-1]
    seconds = last.at - first.at
    topics = [
        _topic(topic, last, _total(topic, (one.came for one in later)), _total(topic, (one.handled for one in later)),
               seconds)
        for topic in last.lag.inputs
    ]  # fmt: skip
    return LagRates(last.wall_ms, last.lag, topics, _worst(last.waiting, last.wall_ms))


def _topic(topic: str, last: Measurement, came: int, handled: int, seconds: float) -> TopicRates:
    waiting = [one for one in last.waiting if one.topic == topic and one.records]
    count = last.lag.inputs[topic]
    known = seconds > 0
    ages = [age for one in waiting if (age := _age(one, last.wall_ms)) is not None]
    return TopicRates(
        topic,
        count,
        last.lag.behind_open_transaction.get(topic, 0),
        came / seconds if known else None,
        handled / seconds if known else None,
        _drained(count, came, handled, seconds),
        max(ages, default=None),
        max(waiting, key=lambda one: (one.records, -one.partition), default=None),
        min((one for one in (_leaves(one, last.wall_ms) for one in waiting) if one), key=_soonest, default=None),
    )


def _drained(waiting: int, came: int, handled: int, seconds: float) -> float | None:
    if not waiting:
        return 0.0
    return waiting * seconds / (handled - came) if handled > came else None


def _total(topic: str, counts: Iterable[Mapping[str, int]]) -> int:
    return sum(count.get(topic, 0) for count in counts)


def _age(partition: WaitingPartition, wall_ms: int) -> float | None:
    return None if partition.timestamp_ms is None else max(0, wall_ms - partition.timestamp_ms) / 1000


def _worst(waiting: Iterable[WaitingPartition], wall_ms: int) -> WaitingPartition | None:
    def badness(one: WaitingPartition) -> tuple[float, int]:
        return _age(one, wall_ms) or 0.0, one.records

    return max((one for one in waiting if one.records), key=badness, default=None)


def _leaves(one: WaitingPartition, wall_ms: int) -> LeavesRetention | None:
    if one.retention_ms is None or one.timestamp_ms is None:
        return None
    left = max(0, one.timestamp_ms + one.retention_ms - wall_ms) / 1000
    return LeavesRetention(one.topic, one.partition, one.offset, left)


def _soonest(one: LeavesRetention) -> float:
    return one.seconds


def _topic_as_json(one: TopicRates) -> dict[str, Any]:
    leaves = one.leaves
    return {
        "in_per_second": _rounded(one.in_per_second),
        "out_per_second": _rounded(one.out_per_second),
        "drained_in_seconds": _rounded(one.drained_seconds),
        "oldest_seconds": _rounded(one.oldest_seconds),
        "worst": None if one.worst is None else _worst_as_json(one.worst),
        "leaves_retention": None
        if leaves is None
        else {"partition": leaves.partition, "offset": leaves.offset, "in_seconds": _rounded(leaves.seconds)},
    }


def _worst_as_json(one: WaitingPartition) -> dict[str, Any]:
    return {"partition": one.partition, "records": one.records, "offset": one.offset}


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 1)
