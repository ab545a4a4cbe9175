"""What a subscriber hears, and when: a read_committed consumer on the output topics."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from confluent_kafka import Consumer, Message, TopicPartition

from tests.harness.installation import Installation
from tests.harness.published import headers_of, require_promised

_SECONDS = 120.0


@dataclass
class Subscriber:
    """Listens from the topics' ends on; `heard` are records by topic (the contract's name) with their arrival."""

    installation: Installation
    topics: tuple[str, ...] = ("1177.fast-lakarkontakt.v1", "listning.reply.v1")
    records: dict[str, list[tuple[float, Message]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        settings = {
            "bootstrap.servers": self.installation.bootstrap,
            "group.id": "subscriber",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 5,
        }
        self._consumer = Consumer(settings)
        partitions = []
        for topic in self.topics:
            name = self.installation.prefix + topic
            for number in self._consumer.list_topics(name, timeout=10).topics[name].partitions:
                tp = TopicPartition(name, number)
                tp.offset = self._consumer.get_watermark_offsets(tp, timeout=10)[1]
                partitions.append(tp)
        self._consumer.assign(partitions)
        self.forget()

    def forget(self) -> None:
        """What was heard so far counts no longer."""
        self.records = {topic: [] for topic in self.topics}

    def listen(self, seconds: float = 0.0) -> None:
        """Takes in what is there, or what comes within the time."""
        for message in self._consumer.consume(1000, timeout=seconds):
            assert message.error() is None, message.error()
            topic = (message.topic() or "").removeprefix(self.installation.prefix)
            self.records[topic].append((time.perf_counter(), message))

    def require_promised(self) -> None:
        """Fails where one of the records heard is not what its topic promises; apart from hearing, which is timed."""
        for topic, records in self.records.items():
            for _, message in records:
                require_promised(topic, message.value(), headers_of(message))

    def until(self, **numbers: int) -> float:
        """Listens until there are so many `events` and `replies`; returns when the last of them came."""
        expected = [numbers.get("events", 0), numbers.get("replies", 0)]
        deadline = time.perf_counter() + _SECONDS
        while any(len(self.records[topic]) < number for topic, number in zip(self.topics, expected, strict=True)):
            self.listen(0.01)
            assert time.perf_counter() < deadline, {topic: len(records) for topic, records in self.records.items()}
        return max(at for records in self.records.values() for at, _ in records)
