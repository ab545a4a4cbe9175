"""What becomes of offsets between batches: they move past markers, and Kafka's group mirrors them for lag tools, where
they decide nothing."""

from __future__ import annotations

import asyncio

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from infra import timing
from infra.error_kinds import is_transient
from infra.errors import Fenced
from infra.kafka.consumer import Consumer
from infra.logs import log
from infra.postgres.connection import checkout
from infra.postgres.offsets import advance
from workers.pipeline.assignment import Assignment
from workers.runtime import Runtime


async def pass_markers(runtime: Runtime, assignment: Assignment) -> None:
    """Moves the next offsets of partitions of which all that was read is handled to where the client stands."""
    behind = assignment.behind_markers()
    if not behind:
        return
    positions = dict(assignment.positions)
    try:
        async with checkout(runtime.engine) as pg, pg.transaction():
            await advance(pg, assignment.topic, positions, behind)
        assignment.advance(behind)
    except Exception as error:
        if not (isinstance(error, Fenced) or is_transient(error)):  # a batch was quicker; or it comes next time
            raise


class GroupMirror:
    """The offsets that Kafka's group was told of a topic (its full name)."""

    def __init__(self, topic: str, answer_seconds: float = timing.GROUP_COMMIT_SECONDS) -> None:
        """`answer_seconds`: so long one answer of the group is waited for."""
        self._topic = topic
        self._answer_seconds = answer_seconds
        self._mirrored: dict[int, int] = {}

    async def update(self, consumer: Consumer, assignment: Assignment) -> None:
        """Tells it of those that have changed; another time where it does not answer."""
        reached = {partition: position.next_offset for partition, position in assignment.positions.items()}
        changed = {p: offset for p, offset in reached.items() if self._mirrored.get(p) != offset}
        if not changed:
            return
        try:
            async with asyncio.timeout(self._answer_seconds):  # it would ask for a coordinator without end
                await consumer.commit({TopicPartition(self._topic, p): offset for p, offset in changed.items()})
            self._mirrored |= changed
        except (KafkaError, TimeoutError) as error:
            log.debug("group commit failed", topic=assignment.topic, error=type(error).__name__)
