"""The check of every output partition: nothing is missing, doubled, out of order or a stranger's (P4)."""

from __future__ import annotations

from collections.abc import AsyncIterator

from schemas.topics import LISTNING_CLOCK
from workers.operations.verification.outputs import OutputPartition, OutputRecord
from workers.operations.verification.report import Difference, difference
from workers.operations.verification.shared import Shared


class SequenceCheck:
    """`sequences`: each partition holds every sequence of its shard up to the snapshot's, once and in order, but for
    what compaction and retention took, and nothing else (P4)."""

    def __init__(self, shared: Shared, partition: OutputPartition) -> None:
        self._partition = partition
        self._last = self._missing = 0
        self._found: list[Difference] = []
        self.compared = 0

    def hear(self, record: OutputRecord) -> None:
        """Holds it against the one before."""
        if record.beyond:
            return
        if record.seq == 0:
            if self._partition.topic != LISTNING_CLOCK:  # the day may be said by others (T1)
                what = "holds a record that the relay of this installation did not write"
                self._find(f"offset {record.stored.offset} {what}")
            return
        self.compared += 1
        if record.seq <= self._last:
            self._find(f"offset {record.stored.offset} has sequence {record.seq} after {self._last}")
        elif self._last:
            self._missing += record.seq - self._last - 1
        self._last = max(self._last, record.seq)

    async def differences(self) -> AsyncIterator[Difference]:
        """As they were heard, and what is missing in all."""
        partition = self._partition
        missing = self._missing + (partition.last_seq - self._last if self._last else 0)
        if missing > partition.counts.removed:
            self._find(
                f"{missing} of the sequences up to {partition.last_seq} are missing, and compaction or retention took"
                f" {partition.counts.removed} records"
            )
        for one in self._found:
            yield one

    def _find(self, what: str) -> None:
        self._found.append(difference("sequences", self._partition.name, what))
