"""The partitions of a topic that this process has right now: made when Kafka's group assigns them, dropped when it
revokes them. Nothing of an old assignment can be used under a new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic

from infra.errors import PartitionsRevoked
from infra.postgres.offsets import Position
from workers.pipeline.in_flight import InFlight
from workers.pipeline.inbound import InboundRecord


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
    #: when a partition was fenced, on the monotonic clock, though the group did not take it back
    fenced: dict[int, float] = field(default_factory=dict)
    #: partitions that stand still until somebody has looked
    stopped: set[int] = field(default_factory=set)
    revoked: bool = False

    def component(self, partition: int) -> str:
        """What readiness calls a partition."""
        return f"{self.topic}/{partition}"

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

    def fence(self, partition: int) -> None:
        """Gives a partition up: another process owns it, though Kafka's group believes that this one does."""
        del self.positions[partition]
        self.fenced[partition] = monotonic()
