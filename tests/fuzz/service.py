"""Fuzzed records through the running service, on real Kafka and PostgreSQL."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
)

from infra.postgres.outbox import Event
from schemas.errors import DeadLetterCode
from schemas.topics import KIV_STAFF, KIV_UNIT, VARDVAL_LISTING
from tests.fuzz.bends import READ
from tests.fuzz.checks import faults, holds_patient
from tests.fuzz.report import Report, size
from tests.fuzz.stream import FuzzedRecord, chapter
from tests.harness.installation import Installation, until
from tests.harness.published import headers_of
from tests.harness.records import INPUTS, OUTPUTS, header
from tests.harness.topics import READER, WRITER

#: what is sent before the service must have answered all of it
PORTION = 2_500
_SETTLE_SECONDS = 300.0
_LONGEST = 2**63 - 1
_COMPACTED = (KIV_STAFF, KIV_UNIT, VARDVAL_LISTING)
#: rows that a waiting import of the small world may have come to
_ROWS = 1_000
#: a topic, a partition, an offset
Place = tuple[str, int, int]


class Service:
    """An installation with topics and one process, and all that was sent to it."""

    def __init__(self, installation: Installation, report: Report) -> None:
        self.report = report
        self._installation = installation
        self._sent: dict[Place, FuzzedRecord] = {}
        self._refused: Counter[str] = Counter()
        self._producer = Producer({"bootstrap.servers": installation.bootstrap, **WRITER})
        _allow_any_timestamp(installation)

    def run(self, records: int, progress: Callable[[], object] = lambda: None) -> None:
        """Sends portion by portion, each when all before was answered, and judges what came of them."""
        began = time.perf_counter()
        portion: list[FuzzedRecord] = []
        for batch in chapter(self.report.seed, 0, records):
            portion += batch
            if len(portion) >= PORTION or batch[0].offset == 0:  # the first day comes before all else (T3)
                if not self._answered(portion):
                    return
                portion = []
                self.report.seconds = time.perf_counter() - began
                progress()
        if self._answered(portion):
            self.report.seconds = time.perf_counter() - began
            self._judge()

    def _answered(self, portion: list[FuzzedRecord]) -> bool:
        """Whether the service lives and has answered all of it."""
        for record in portion:
            self._send(record)
        self._producer.flush(60)
        self.report.records = len(self._sent)
        try:
            self._installation.settle(_SETTLE_SECONDS)
        except AssertionError as error:
            said = str(error)
            self.report.findings.add(f"the service stands still or has ended: {said[:80]}", portion[0], said[-2000:])
            return False
        return True

    def _send(self, record: FuzzedRecord) -> None:
        # a broker takes no record without a key for a compacted topic
        key = b"" if record.key is None and record.topic in _COMPACTED else record.key
        topic = self._installation.prefix + record.topic

        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                self._refused[f"{error.name()} for {record.bends and record.bends[0].name}"] += 1
            else:
                self._sent[record.topic, message.partition() or 0, message.offset() or 0] = record

        try:
            self._producer.produce(
                topic, record.value, key, headers=list(record.headers), timestamp=record.timestamp,
                on_delivery=delivered,
            )  # fmt: skip
        except (KafkaException, ValueError, OverflowError) as error:
            self._refused[f"{type(error).__name__} for {record.bends and record.bends[0].name}"] += 1
        self._producer.poll(0)

    def _judge(self) -> None:
        report, letters = self.report, self._letters()
        sent = Counter(topic for topic, _, _ in self._sent)
        counted: Counter[str] = Counter()
        for (topic, outcome), number in self._installation.outcomes().items():
            counted[topic] += number
            report.outcomes[outcome] += number
        for topic in INPUTS:
            if sent[topic] != counted[topic]:
                report.findings.add(f"{topic}: {sent[topic]} records sent, {counted[topic]} outcomes")
        if letters.keys() - self._sent.keys():
            report.findings.add("a dead letter of a record that nobody sent")
        for place, record in self._sent.items():
            told = letters.get(place, [])
            if len(told) > 1:
                report.findings.add("more than one dead letter of a record", record)
            code, detail = told[0] if told else (READ, None)
            if code == DeadLetterCode.HANDLER_FAILED:
                report.findings.add(f"{record.topic}: the handler failed: {detail}", record)
            report.judge(record, code, detail, str(place))
        dead = report.outcomes["dead"]
        if dead != sum(map(len, letters.values())):
            report.findings.add(f"{dead} records counted as dead, {sum(map(len, letters.values()))} dead letters")
        self._judge_texts()

    def _letters(self) -> dict[Place, list[tuple[str, str]]]:
        """The code and detail of each dead letter, by where its record stood; every event is judged on the way."""
        found: dict[Place, list[tuple[str, str]]] = {}
        prefix = self._installation.prefix
        for message in read_all(self._installation.bootstrap, [prefix + topic for topic in OUTPUTS]):
            event = _event(message, prefix)
            self.report.events[event.topic] += 1
            came_in = 0
            if event.topic.endswith(".dlq"):
                place = _place(event)
                found.setdefault(place, []).append(
                    (header(event.headers, "dlq_code") or "", header(event.headers, "dlq_detail") or "")
                )
                came_in = size(self._sent[place]) if place in self._sent else 0
            for fault in faults(event, came_in, _ROWS):
                self.report.findings.add(fault, where=f"{event!r:.400}")
        return found

    def _judge_texts(self) -> None:
        for name, text in self._installation.written():
            for line in text.splitlines():
                if holds_patient(line.encode()):
                    self.report.findings.add(f"a personnummer in {name}", where=line[:300])

    def refused(self) -> Counter[str]:
        """What the broker or its client would not take, by why."""
        return self._refused


def read_all(bootstrap: str, topics: Iterable[str]) -> Iterator[Message]:
    """Every committed record of the topics."""
    consumer = Consumer({"bootstrap.servers": bootstrap, **READER})
    try:
        known = consumer.list_topics(timeout=20).topics
        parts = [TopicPartition(topic, number, 0) for topic in topics for number in known[topic].partitions]
        left = {(one.topic, one.partition) for one in parts}
        consumer.assign(parts)
        found: list[Message] = []

        def ended() -> bool:
            for message in consumer.consume(1_000, 0.2):
                error = message.error()
                if error is None:
                    found.append(message)
                else:
                    assert error.code() == KafkaError._PARTITION_EOF, error
                    left.discard((message.topic() or "", message.partition() or 0))
            return not left

        until(ended, 120, "reading the output topics to their ends", every=0)
        yield from found
    finally:
        consumer.close()


def _event(message: Message, prefix: str) -> Event:
    topic, key = (message.topic() or "").removeprefix(prefix), message.key()
    value: Any = message.value()
    return Event(topic, message.partition() or 0, key.encode() if isinstance(key, str) else key, value,
                 headers_of(message))  # fmt: skip


def _place(letter: Event) -> Place:
    topic, partition, offset = (
        header(letter.headers[-20:], f"dlq_{name}") for name in ("topic", "partition", "offset")
    )
    return letter.topic.removesuffix(".dlq") if topic else "", int(partition or -1), int(offset or -1)


def _allow_any_timestamp(installation: Installation) -> None:
    """As brokers before 4.0 did; and nothing is taken away for its age."""
    admin = AdminClient({"bootstrap.servers": installation.bootstrap})
    for topic in INPUTS:
        settings = {"message.timestamp.after.max.ms": _LONGEST, "message.timestamp.before.max.ms": _LONGEST}
        if topic not in _COMPACTED:
            settings["retention.ms"] = -1
        entries = [ConfigEntry(name, str(value), incremental_operation=AlterConfigOpType.SET)
                   for name, value in settings.items()]  # fmt: skip
        resource = ConfigResource(ConfigResource.Type.TOPIC, installation.prefix + topic, incremental_configs=entries)
        for done in admin.incremental_alter_configs([resource]).values():
            done.result(30)
