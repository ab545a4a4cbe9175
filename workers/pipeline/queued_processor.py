"""Batches of one partition each, so that what takes long in one delays no other; behind a large file, others' records
are processed out of order (record 0025)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import perf_counter

from infra.failures import failure_reason
from infra.logs import log
from schemas.envelope import Record
from workers.pipeline.assignment import Assignment
from workers.pipeline.commands import commit_out_of_order
from workers.pipeline.inbound import InboundRecord, decode
from workers.pipeline.partition_queue import PartitionQueue, is_file
from workers.pipeline.processor import BatchProcessor


class QueuedProcessor:
    """Feeds a BatchProcessor from a queue for each partition that is busy."""

    def __init__(self, processor: BatchProcessor) -> None:
        self.route = processor.route
        self.runtime = processor.runtime
        self._processor = processor
        self._queues: dict[int, PartitionQueue] = {}

    async def process(self, assignment: Assignment, records: Sequence[Record]) -> None:
        """As BatchProcessor's, but each partition's records go behind those of it that are in hand."""
        by_partition: dict[int, list[InboundRecord]] = {}
        for record in records:
            by_partition.setdefault(record.partition, []).append(decode(self.route.topic, record))
        for partition, batch in by_partition.items():
            if assignment.revoked:
                return
            queue = self._queues.get(partition)
            if queue is None:
                queue = self._queues[partition] = PartitionQueue()
                queue.add(batch)
                await self._processor.start(assignment, self._work_off(assignment, partition, queue), [partition])
            else:
                queue.add(batch)

    def busy(self, assignment: Assignment) -> frozenset[int]:
        """The partitions of which no further record may come now."""
        return assignment.in_flight.partitions - {number for number, queue in self._queues.items() if queue.open}

    async def _work_off(self, assignment: Assignment, partition: int, queue: PartitionQueue) -> None:
        try:
            while batch := queue.next():
                turn = asyncio.create_task(self._processor.apply(assignment, batch))
                if is_file(batch[0]):
                    await self._process_beside(assignment, turn, queue)
                await turn
        finally:
            del self._queues[partition]

    async def _process_beside(self, assignment: Assignment, turn: asyncio.Task[None], queue: PartitionQueue) -> None:
        while not turn.done():
            queue.added.clear()
            runnable = [] if assignment.revoked else queue.runnable_now()
            if runnable:
                await self._process_out_of_order(assignment, runnable)
            else:
                added = asyncio.create_task(queue.added.wait())
                await asyncio.wait({turn, added}, return_when=asyncio.FIRST_COMPLETED)
                added.cancel()

    async def _process_out_of_order(self, assignment: Assignment, batch: list[InboundRecord]) -> None:
        """Handles records before their turn if nothing is in the way. One try: what fails, whatever the reason, is
        handled in its turn."""
        started = perf_counter()
        position = assignment.positions.get(batch[0].record.partition)
        done = False
        try:
            if position is not None:
                await commit_out_of_order(self.route, self.runtime, position, batch)
                self._processor.log_batch(batch, perf_counter() - started)
                done = True
        except Exception as error:  # noqa: BLE001  # in its turn it is looked into
            log.info("out-of-order attempt failed", topic=self.route.topic, why=failure_reason(error).detail)
        for inbound in batch:
            inbound.processed_out_of_order, inbound.must_wait_its_turn = done, not done
