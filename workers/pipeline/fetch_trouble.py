"""A topic that cannot be read, or one partition of it: what readiness and the log say, and when it is tried again."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from infra import timing
from infra.errors import PartitionUnreadable
from infra.failures import failure_reason
from infra.foreign_errors import explain
from infra.logs import log
from workers.health import Health
from workers.pipeline.assignment import Assignment, Unreadable


class FetchTrouble:
    """Of one topic (the contract's name). `clock`: in seconds, from anywhere."""

    def __init__(self, topic: str, health: Health, clock: Callable[[], float]) -> None:
        self._topic = topic
        self._component = f"{topic}/reading"
        self._health = health
        self._clock = clock
        self._failed_at: float | None = None

    def begin(self, error: Exception) -> None:
        """The client cannot read the topic."""
        why = explain(error) or failure_reason(error).detail
        log.error("fetch failed", topic=self._topic, why=why)
        self._health.report(self._component, why, after=timing.FETCH_UNHEALTHY_AFTER_SECONDS)
        self._failed_at = self._clock()

    def end(self) -> None:
        """The client reads again: the trouble is over after a while without more."""
        if self._failed_at is not None and self._clock() > self._failed_at + timing.FETCH_HEALTHY_AFTER_SECONDS:
            self._failed_at = None
            self._health.report(self._component, None)
            log.info("reachable again", component=self._component)

    def set_aside(self, assignment: Assignment, error: PartitionUnreadable) -> None:
        """The others are read meanwhile."""
        due = self._clock() + timing.UNREADABLE_RETRY_SECONDS
        assignment.unreadable[error.partition] = Unreadable(assignment.untaken[error.partition], due)
        self._health.report(assignment.reading(error.partition), str(error))
        log.error("partition unreadable", topic=self._topic, partition=error.partition, why=str(error))

    def due(self, assignment: Assignment) -> list[int]:
        """The partitions set aside that are to be tried again now: until one fails again, or is read."""
        partitions = [p for p, unreadable in assignment.unreadable.items() if self._clock() > unreadable.due]
        for partition in partitions:
            assignment.unreadable[partition] = assignment.unreadable[partition]._replace(due=inf)
        return partitions

    def read_again(self, assignment: Assignment) -> None:
        """Something was taken: partitions set aside of which it is are as well as any."""
        for partition in assignment.readable_again():
            del assignment.unreadable[partition]
            self._health.report(assignment.reading(partition), None)
            log.info("reachable again", component=assignment.reading(partition))
