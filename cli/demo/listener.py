"""The ear of 1177 and of the vårdcentraler: reads what the service publishes, and keeps the newest of every key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from infra import timing
from infra.kafka.client import close
from schemas.topics import FAST_LAKARKONTAKT, LISTNING_DOCTOR, LISTNING_REPLY, TOPICS
from workers.operations.verification.told import Told, told_by

_OUTPUTS = tuple(topic.name for topic in TOPICS if topic.direction == "out")


@dataclass(frozen=True)
class Event:
    """A record of 1177's topic. `data` is None where 1177 is to forget the key."""

    key: str
    revision: int
    data: dict[str, Any] | None = field(repr=False)


class Listener:
    """Reads every output topic from its start, in a task of its own."""

    def __init__(self, bootstrap: str, partitions: int) -> None:
        self.newest: dict[str, Told] = {}
        self.events: list[Event] = []
        self.events_read = 0
        self.out_of_order = 0
        self.replies: dict[str, dict[str, Any]] = {}
        self.doctors: dict[str, dict[str, Any] | None] = {}
        self.dead: list[dict[str, str]] = []
        self._next: dict[TopicPartition, int] = {}
        self._partitions = [TopicPartition(name, number) for name in _OUTPUTS for number in range(partitions)]
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=timing.ms(timing.DEMO_FETCH_SECONDS),
        )
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        self._consumer.assign(self._partitions)
        self._task = asyncio.create_task(self._listen())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await close(self._consumer.stop)

    async def until(self, condition: Callable[[], bool], seconds: float = timing.DEMO_LISTEN_SECONDS) -> None:
        """Returns as soon as that is so. Raises TimeoutError, or whatever ended the listening."""
        async with asyncio.timeout(seconds):
            while not condition():
                if self._task is not None and self._task.done():
                    self._task.result()
                await asyncio.sleep(timing.DEMO_LISTEN_POLL_SECONDS)

    async def up_to_date(self) -> None:
        """Returns when all that stands in the topics right now has been read. Raises as `until` does."""
        ends = await self._consumer.end_offsets(self._partitions)
        await self.until(lambda: all(self._next.get(partition, 0) >= end for partition, end in ends.items()))

    async def _listen(self) -> None:
        while True:
            for partition, records in (
                await self._consumer.getmany(timeout_ms=timing.ms(timing.DEMO_LISTEN_WAIT_SECONDS))
            ).items():
                for record in records:
                    self._take(partition.topic, record)
                self._next[partition] = await self._consumer.position(partition)

    def _take(self, topic: str, record: Any) -> None:
        headers = {name: (value or b"").decode(errors="replace") for name, value in record.headers}
        data = None if record.value is None else _json(record.value)
        if topic == FAST_LAKARKONTAKT:
            told = told_by(record.value, record.headers)
            self._add_event(Event(record.key.decode(), told.revision, data), told)
        elif topic == LISTNING_REPLY and data is not None:
            self.replies[data["command_id"]] = data
        elif topic == LISTNING_DOCTOR:
            self.doctors[record.key.decode()] = data
        elif topic.endswith(".dlq"):
            self.dead.append({name: text for name, text in headers.items() if name.startswith("dlq_")})

    def _add_event(self, event: Event, told: Told) -> None:
        before = self.newest.get(event.key)
        self.out_of_order += event.revision != (before.revision if before else 0) + 1
        self.newest[event.key] = told
        self.events_read += 1
        self.events.append(event)


def _json(value: bytes) -> dict[str, Any] | None:
    try:
        data = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    return data if isinstance(data, dict) else None
