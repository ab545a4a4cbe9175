"""The partitions of a topic that this process has right now: made when Kafka's group assigns them, dropped when it
revokes them. Nothing of an old assignment can be used under a new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import NamedTuple

from infra import timing
from infra.errors import Fenced, PartitionFenced, PartitionsRevoked
from infra.postgres.offsets import LastRecord, Position
from workers.pipeline.in_flight import InFlight
from workers.pipeline.inbound import InboundRecord


class Unreadable(NamedTuple):
    """A partition that cannot be read from `offset` on; tried again at `due`, on the monotonic clock."""

    offset: int
    due: float


@dataclass(slots=True, eq=False)
class Assignment:
    """`positions`: where the process stands in each partition that it may handle, by partition.

    Records that were fetched under another assignment are left, also where their partition stayed: every partition
    begins anew at its position, so they come again. They must be left, for what came before them was left too, and the
    offset would be moved past that.
    """

    topic: str
    generation: int
    positions: dict[int, Position]
    in_flight: InFlight
    #: the first offset of each partition that was not taken out of the client yet
    untaken: dict[int, int] = field(default_factory=dict)
    #: where the client stands in each partition: from `untaken` up to there the log holds no record, but markers of
    #: transactions, what was aborted, and gaps that compaction left
    reached: dict[int, int] = field(default_factory=dict)
    #: what the first record taken of a partition is held against
    last_records: dict[int, LastRecord] = field(default_factory=dict)
    unreadable: dict[int, Unreadable] = field(default_factory=dict)
    #: when a partition was fenced, on the monotonic clock, though the group did not take it back
    fenced: dict[int, float] = field(default_factory=dict)
    #: partitions that stand still until somebody has looked
    stopped: set[int] = field(default_factory=set)
    #: those of them that stand still until the release's guard is lifted
    guarded: set[int] = field(default_factory=set)
    revoked: bool = False
    #: in seconds, from anywhere
    clock: Callable[[], float] = monotonic

    @property
    def partitions(self) -> set[int]:
        """Every partition of the assignment, also those that are not handled."""
        return {*self.positions, *self.stopped, *self.fenced}

    def component(self, partition: int) -> str:
        """What readiness calls a partition."""
        return f"{self.topic}/{partition}"

    def reading(self, partition: int) -> str:
        """What readiness calls the reading of a partition."""
        return f"{self.component(partition)}/reading"

    def require(self) -> None:
        """Raises PartitionsRevoked once the partitions are on their way to somebody else."""
        if self.revoked:
            raise PartitionsRevoked

    def unhandled(self, batch: list[InboundRecord]) -> list[InboundRecord]:
        """The batch without what is handled already, and without partitions that are no longer ours to handle."""
        positions = self.positions
        return [r for r in batch if (at := positions.get(r.record.partition)) and r.record.offset >= at.next_offset]

    def advance(self, next_offsets: Mapping[int, int]) -> None:
        """Moves the positions on, never back, after a commit that did so in the database. One that was given up
        meanwhile stays so."""
        for partition, offset in next_offsets.items():
            position = self.positions.get(partition)
            if position is not None and position.next_offset < offset:
                self.positions[partition] = position._replace(next_offset=offset)

    def stop(self, partition: int) -> None:
        """Handles nothing more of a partition under this assignment."""
        self.positions.pop(partition, None)
        self.stopped.add(partition)

    def unmoved(self, partition: int) -> dict[int, int]:
        """The next offset of the partition as it is. Raises Fenced where the partition was given up."""
        position = self.positions.get(partition)
        if position is None:
            raise Fenced(f"{self.component(partition)}: was given up")
        return {partition: position.next_offset}

    def take(self, untaken: Mapping[int, int], reached: Mapping[int, int]) -> None:
        """Notes that the client handed out what lies before `untaken`, and stands at `reached`."""
        self.untaken |= untaken
        self.reached |= reached

    def readable_again(self) -> list[int]:
        """Partitions that could not be read, and of which something was read since, were it only a marker."""
        return [p for p, unreadable in self.unreadable.items() if self.reached.get(p, 0) > unreadable.offset]

    def behind_markers(self) -> dict[int, int]:
        """The partitions of which every record taken is handled, and only markers and gaps lie before where the client
        stands: their next offsets may be moved there. Retention may take a marker, and then nothing is missing."""
        return {
            partition: reached
            for partition, reached in self.reached.items()
            if (at := self.positions.get(partition)) and reached > at.next_offset >= self.untaken[partition]
        }

    def fence(self, partition: int) -> None:
        """Gives a partition up: another process owns it, though Kafka's group believes that this one does."""
        del self.positions[partition]
        self.fenced[partition] = self.clock()

    def require_not_fenced_for_long(self) -> None:
        """Raises PartitionFenced where no rebalance can be on its way any more that gives the partition to somebody."""
        for partition, since in self.fenced.items():
            if self.clock() > since + timing.FENCED_SECONDS:
                where = self.component(partition)
                raise PartitionFenced(f"{where}: another process took it, or its offset went back")
