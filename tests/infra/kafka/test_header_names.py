"""Header names in any bytes, on a real broker: a record is no poison for what its producer calls a header."""

from __future__ import annotations

import gzip
import struct
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.util import calc_crc32c
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from infra.kafka.client import client_args
from infra.settings import Settings

IN_LATIN_1 = b"K\xe4lla"
LENGTH, CRC, ATTRIBUTES, RECORDS = 8, 17, 21, 61
"""Where they begin in a batch of format 2; the checksum is that of all that follows it."""


def with_name_in_latin_1(batch: bytes, *, compressed: bool) -> bytearray:
    """The batch as a client would have made it that does not ask what a header's name is."""
    changed = bytearray(batch.replace(b"KXlla", IN_LATIN_1))
    if compressed:
        changed[RECORDS:] = gzip.compress(changed[RECORDS:])
        struct.pack_into(">H", changed, ATTRIBUTES, 1)
        struct.pack_into(">I", changed, LENGTH, len(changed) - LENGTH - 4)
    struct.pack_into(">I", changed, CRC, calc_crc32c(memoryview(changed)[ATTRIBUTES:]))
    return changed


async def send(bootstrap: str, topic: str, *, compressed: bool) -> None:
    """1, 2 and 3 in one batch, the middle one with the odd name, and 4. What must not be read: a transaction that was
    aborted before them, and one that is open around them and aborted then."""
    transactional = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=f"{topic}.transactions")
    plain = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await transactional.start()
    await plain.start()
    try:
        await transaction(transactional, topic, b"0", commit=False)
        await transactional.begin_transaction()
        await transactional.send_and_wait(topic, b"0", partition=0)
        batch = plain.create_batch()
        for value in (b"1", b"2", b"3"):
            headers = [("KXlla", b"in the middle"), ("whole", None)] if value == b"2" else [("whole", b"x")]
            batch.append(timestamp=None, key=b"k" * 200, value=value, headers=headers)
        batch.close()
        batch._buffer = with_name_in_latin_1(bytes(batch._build()), compressed=compressed)
        await (await plain.send_batch(batch, topic, partition=0))
        await transactional.send_and_wait(topic, b"5", partition=0)
        await transactional.abort_transaction()
        await transaction(transactional, topic, b"4", commit=True)
    finally:
        await plain.stop()
        await transactional.stop()


async def transaction(producer: AIOKafkaProducer, topic: str, value: bytes, *, commit: bool) -> None:
    await producer.begin_transaction()
    await producer.send_and_wait(topic, value, partition=0, headers=[("whole", b"x")])
    await (producer.commit_transaction() if commit else producer.abort_transaction())


async def received(bootstrap: str, topic: str) -> list[Any]:
    tp, found = TopicPartition(topic, 0), []
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed")
    await consumer.start()
    try:
        consumer.assign([tp])
        await consumer.seek_to_beginning(tp)
        end = (await consumer.end_offsets([tp]))[tp]
        while await consumer.position(tp) < end:
            for records in (await consumer.getmany(timeout_ms=50)).values():
                found += records
        return found
    finally:
        await consumer.stop()


@pytest.mark.parametrize("compressed", [False, True])
async def test_a_header_name_that_is_no_utf_8_is_read_and_nothing_around_it_is_lost(
    kafka: Any, topic_prefix: str, compressed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MemoryRecords", "PartitionRecords"):  # set back afterwards
        monkeypatch.setattr(fetcher, name, getattr(fetcher, name))
    client_args(Settings(kafka_bootstrap_servers=kafka.bootstrap))
    topic = f"{topic_prefix}names"
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.create_topics([NewTopic(topic, 1)])[topic].result(30)
    await send(kafka.bootstrap, topic, compressed=compressed)
    records = await received(kafka.bootstrap, topic)
    assert [record.value for record in records] == [b"1", b"2", b"3", b"4"]
    assert records[1].headers == (("K\\xe4lla", b"in the middle"), ("whole", None))
    assert [record.headers for record in records if record.value != b"2"] == [(("whole", b"x"),)] * 3
