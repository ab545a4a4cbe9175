"""The product's topics from outside: what is sent into them, and what a reader of committed records finds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # it lists no names
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
)

from tests.harness.installation import until
from tests.harness.published import headers_of, require_promised
from tests.harness.records import CLOCK, COMMAND, INPUTS, OUTPUTS, Record

SHORT_LIVED = (COMMAND, CLOCK)  # kept 30 days by record time: records of long ago would vanish
READER = {"enable.auto.commit": False, "isolation.level": "read_committed", "enable.partition.eof": True,
          "auto.offset.reset": "earliest", "fetch.wait.max.ms": 20, "group.id": "oracle"}  # fmt: skip
WRITER = {"acks": "all", "linger.ms": 0, "compression.type": "lz4", "message.max.bytes": 8_000_000,
          "partitioner": "murmur2_random", "enable.idempotence": True}  # fmt: skip


@dataclass
class Topics:
    """`heard` are all output records so far, in the order of their partitions."""

    bootstrap: str
    prefix: str
    records: list[Record] = field(default_factory=list)
    reached: dict[tuple[str, int], int] = field(default_factory=dict)
    failed: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.producer = Producer({"bootstrap.servers": self.bootstrap, **WRITER})
        self.consumer = Consumer({"bootstrap.servers": self.bootstrap, **READER})
        # Whose ends are those of the log: a commit is acknowledged before its markers let committed readers see it.
        self.uncommitted = Consumer(
            {"bootstrap.servers": self.bootstrap, **READER, "isolation.level": "read_uncommitted"}
        )
        known = self.consumer.list_topics(timeout=20).topics
        partitions = [
            (name, number) for topic in OUTPUTS for name in [self.prefix + topic] for number in known[name].partitions
        ]
        self.reached = dict.fromkeys(partitions, 0)
        self.consumer.assign([TopicPartition(name, number, 0) for name, number in partitions])

    def accept_any_timestamp(self) -> None:
        """As brokers before 4.0 do: records may be dated in any year."""
        limit = ConfigEntry(
            "message.timestamp.after.max.ms", str(2**63 - 1), incremental_operation=AlterConfigOpType.SET
        )
        inputs = [
            ConfigResource(ConfigResource.Type.TOPIC, self.prefix + topic, incremental_configs=[limit])
            for topic in INPUTS
        ]
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        for altered in admin.incremental_alter_configs(inputs).values():
            altered.result()

    def publish(self, records: Sequence[Record]) -> None:
        """Sends in order and waits for all acknowledgements."""
        self.send(records)
        self.producer.flush(30)
        assert self.delivered()

    def send(self, records: Sequence[Record]) -> None:
        """Sends in order."""
        for record in records:
            when: dict[str, Any] = {} if record.topic in SHORT_LIVED else {"timestamp": record.timestamp}
            self.producer.produce(
                self.prefix + record.topic, record.value, record.key, headers=list(record.headers),
                on_delivery=lambda error, _: self.failed.append(error) if error else None, **when,
            )  # fmt: skip

    def delivered(self) -> bool:
        """Whether all that was sent is acknowledged; fails where something cannot be."""
        self.producer.poll(0)
        assert self.failed == []
        return len(self.producer) == 0

    def collect(self) -> list[Record]:
        """Reads to the end of every output partition; returns all that was ever heard."""
        ends = {
            one: self.uncommitted.get_watermark_offsets(TopicPartition(*one), timeout=20)[1] for one in self.reached
        }

        def read_all() -> bool:
            for message in self.consumer.consume(1000, 0.02):
                self.take(message)
            return all(self.reached[one] >= end for one, end in ends.items())

        until(read_all, 30, "reading the output topics to their ends", every=0)
        return self.records

    def take(self, message: Message) -> None:
        """Notes a record, or how far a partition without records reaches."""
        where, offset, error = (message.topic() or "", message.partition() or 0), message.offset() or 0, message.error()
        if error is not None:
            assert error.code() == KafkaError._PARTITION_EOF, error
            self.reached[where] = max(self.reached[where], offset)
            return
        self.reached[where] = offset + 1
        key = message.key()
        text = None if key is None else key.decode() if isinstance(key, bytes) else key
        value: Any = message.value()
        plain = headers_of(message)
        topic = where[0].removeprefix(self.prefix)
        require_promised(topic, value, plain)
        self.records.append(Record(topic, text, value, plain, message.timestamp()[1]))

    def close(self) -> None:
        """Leaves quietly."""
        self.uncommitted.close()
        self.consumer.close()
