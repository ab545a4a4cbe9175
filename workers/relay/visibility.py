"""What of the published events readers can see: Kafka shows a `read_committed` reader nothing behind the oldest open
transaction of a partition, whoever left it open."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import NamedTuple

from infra import timing


class _Published(NamedTuple):
    """The last event of a round in a shard, or of several that came between two sweeps: its sequence, its offset, and
    when Kafka took the first one's commit."""

    seq: int
    offset: int
    since: float


class Hidden(NamedTuple):
    """A shard of which an event has been published for so many seconds and cannot be seen; `offset` is the event's."""

    shard: int
    offset: int
    seconds: float


@dataclass(slots=True)
class Visibility:
    """By shard, how far readers see, and what was published behind that. What they cannot see yet stays in the outbox:
    a broker can forget how a transaction ended, and the outbox is what it can be mended from.

    `seen` are the sequences up to which each shard is known to be seen; `clock` gives seconds, from anywhere."""

    seen: dict[int, int]
    clock: Callable[[], float] = monotonic
    _hidden: dict[int, deque[_Published]] = field(default_factory=dict)

    def published(self, shard: int, seq: int, offset: int) -> None:
        """Kafka has committed the shard up to the sequence, which stands at the offset."""
        rounds, since = self._hidden.setdefault(shard, deque()), self.clock()
        if rounds and since - rounds[-1].since < timing.RELAY_SWEEP_SECONDS:  # memory: they may be hidden for hours
            since = rounds.pop().since
        rounds.append(_Published(seq, offset, since))

    @property
    def hidden(self) -> frozenset[int]:
        """The shards of which something is not known to be seen."""
        return frozenset(self._hidden)

    def observe(self, stable: Mapping[int, int]) -> None:
        """Takes notice of last stable offsets, by shard."""
        for shard, offset in stable.items():
            rounds = self._hidden[shard]
            while rounds and rounds[0].offset < offset:
                self.seen[shard] = rounds.popleft().seq
            if not rounds:
                del self._hidden[shard]

    def hidden_for(self, seconds: float) -> Iterator[Hidden]:
        """The shards of which something has been hidden for longer."""
        now = self.clock()
        for shard, rounds in self._hidden.items():
            if now - rounds[0].since > seconds:
                yield Hidden(shard, rounds[0].offset, now - rounds[0].since)
