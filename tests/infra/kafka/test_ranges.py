"""A range of a partition on a real broker: its committed records, and what else stood in it (O5)."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c
from confluent_kafka import TopicPartition as Until
from confluent_kafka.admin import AdminClient

from infra.errors import PartitionUnreadable
from infra.kafka.batches import batches
from infra.kafka.client import closing
from infra.kafka.log_reader import Ends, Fetched, LogReader
from infra.kafka.ranges import RangeCounts, StoredRecord, first_readable, first_record, read_range
from infra.kafka.topics import create
from infra.settings import Settings
from schemas.envelope import Record
from schemas.topics import LISTNING_COMMAND
from tests.harness.waiting import until
from tests.infra.kafka.test_header_names import with_name_in_latin_1


@pytest.fixture
async def settings(kafka: Any, topic_prefix: str) -> Settings:
    made = Settings(kafka_bootstrap_servers=kafka.bootstrap, topic_prefix=topic_prefix, partitions=1)
    await create(made)
    return made


@pytest.fixture
async def reader(settings: Settings) -> AsyncIterator[LogReader]:
    made = await LogReader.start(settings)
    async with closing(made.aclose):
        await made.ends([settings.topic(LISTNING_COMMAND)])
        yield made


@pytest.fixture
def tp(settings: Settings) -> TopicPartition:
    return TopicPartition(settings.topic(LISTNING_COMMAND), 0)


class Sender:
    """Writes to one partition, and returns when readers can see it."""

    def __init__(self, reader: LogReader, settings: Settings, tp: TopicPartition) -> None:
        self._reader, self._settings, self._tp = reader, settings, tp

    @asynccontextmanager
    async def transaction(self, name: str, *values: bytes | None) -> AsyncIterator[AIOKafkaProducer]:
        """One that the block ends; each record a batch of its own."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._settings.kafka_bootstrap_servers,
            transactional_id=f"{self._settings.topic_prefix}{name}",
        )
        async with closing(producer.stop):
            await producer.start()
            await producer.begin_transaction()
            for value in values:
                await producer.send_and_wait(self._tp.topic, value, key=b"k", partition=0, headers=[("a", b"\xff")])
            yield producer

    async def send(self, *values: bytes | None, commit: bool = True, name: str = "upstream") -> None:
        async with self.transaction(name, *values) as producer:
            await (producer.commit_transaction() if commit else producer.abort_transaction())
        await self.until_stable()

    async def send_batch(self, *values: bytes, odd_name: bool = False) -> None:
        """Without a transaction, all in one batch; `odd_name`: one of their headers is called as no text is."""
        producer = AIOKafkaProducer(bootstrap_servers=self._settings.kafka_bootstrap_servers)
        async with closing(producer.stop):
            await producer.start()
            batch = producer.create_batch()
            for value in values:
                batch.append(timestamp=None, key=b"k", value=value, headers=[("KXlla", b"x")] if odd_name else [])
            batch.close()
            if odd_name:
                batch._buffer = with_name_in_latin_1(bytes(batch._build()), compressed=False)
            await (await producer.send_batch(batch, self._tp.topic, partition=0))

    async def until(self, end: int) -> None:
        """Waits for the marker that makes the partition's end so large."""

        async def there() -> bool:
            return (await self._reader.ends([self._tp.topic]))[self._tp].end == end

        await until(there, what="the transaction's marker")

    async def until_stable(self) -> None:
        async def stable() -> bool:
            ends = (await self._reader.ends([self._tp.topic]))[self._tp]
            return ends.stable == ends.end

        await until(stable, what="the transaction's marker")


@pytest.fixture
def sender(reader: LogReader, settings: Settings, tp: TopicPartition) -> Sender:
    return Sender(reader, settings, tp)


async def read(
    reader: LogReader, tp: TopicPartition, start: int = 0, end: int | None = None
) -> tuple[list[tuple[int, bytes | None]], RangeCounts]:
    """Offset and value of every record, and what was counted."""
    counts = RangeCounts(start, (await reader.ends([tp.topic]))[tp].stable if end is None else end)
    found = [(one.offset, one.value) async for records in read_range(reader, tp, counts) for one in records]
    return found, counts


def told(counts: RangeCounts) -> tuple[int, int, int, int, int | None]:
    return counts.records, counts.aborted, counts.control, counts.removed, counts.first


async def test_o5_an_empty_range_holds_nothing(reader: LogReader, tp: TopicPartition) -> None:
    found, counts = await read(reader, tp)
    assert (found, told(counts)) == ([], (0, 0, 0, 0, None))


async def test_o5_committed_records_come_in_order_and_all_else_is_counted(
    reader: LogReader, tp: TopicPartition, sender: Sender
) -> None:
    await sender.send(b"gone", b"gone too", commit=False)  # 0, 1; its marker is 2
    await sender.send(b"a", None)  # 3, 4; 5
    async with sender.transaction("long", b"b") as long:  # 6
        await sender.send_batch(b"c", b"d")  # 7, 8
        async with sender.transaction("aborted", b"x") as aborted:  # 9
            await aborted.abort_transaction()  # 10
        await sender.until(11)
        await long.send_and_wait(tp.topic, b"e", partition=0)  # 11
        await long.commit_transaction()  # 12
    await sender.until_stable()
    everything = [(3, b"a"), (4, None), (6, b"b"), (7, b"c"), (8, b"d"), (11, b"e")]
    found, counts = await read(reader, tp)
    assert (found, told(counts)) == (everything, (6, 3, 4, 0, 3))
    for start in range(14):
        for end in range(start, 14):
            found, counts = await read(reader, tp, start, end)
            assert found == [one for one in everything if start <= one[0] < end]
            assert counts.aborted == len({0, 1, 9} & set(range(start, end)))
            assert counts.control == len({2, 5, 10, 12} & set(range(start, end)))
            assert counts.removed == max(0, end - max(start, 13))  # behind the last record there is nothing


async def test_o5_what_an_open_transaction_holds_is_not_read(
    reader: LogReader, tp: TopicPartition, sender: Sender
) -> None:
    await sender.send(b"a")
    async with sender.transaction("open", b"b") as producer:
        await sender.send_batch(b"c")
        found, counts = await read(reader, tp)
        await producer.commit_transaction()
    await sender.until_stable()
    assert (found, told(counts)) == ([(0, b"a")], (1, 0, 1, 0, 0))
    assert (await read(reader, tp))[0] == [(0, b"a"), (2, b"b"), (3, b"c")]


async def test_o5_a_record_is_as_it_stands_whatever_its_headers_are_called(
    reader: LogReader, tp: TopicPartition, sender: Sender
) -> None:
    await sender.send_batch(b"a", b"b", odd_name=True)
    await sender.send(b"c")
    counts = RangeCounts(0, 3)
    records: list[Record] = [one async for batch in read_range(reader, tp, counts) for one in batch]
    assert [(one.topic, one.partition, one.offset, one.key, one.value) for one in records] == [
        (tp.topic, 0, 0, b"k", b"a"),
        (tp.topic, 0, 1, b"k", b"b"),
        (tp.topic, 0, 2, b"k", b"c"),
    ]
    assert [list(one.headers) for one in records] == [[("K\\xe4lla", b"x")]] * 2 + [[("a", b"\xff")]]
    assert all(one.timestamp > 1_700_000_000_000 for one in records)


async def test_o5_what_retention_took_is_said(
    settings: Settings, reader: LogReader, tp: TopicPartition, sender: Sender
) -> None:
    await sender.send_batch(b"a", b"b", b"c", b"d")
    admin = AdminClient({"bootstrap.servers": settings.kafka_bootstrap_servers})
    (deleted,) = admin.delete_records([Until(tp.topic, 0, 3)]).values()
    deleted.result()
    found, counts = await read(reader, tp)
    assert (found, told(counts)) == ([(3, b"d")], (1, 0, 0, 3, 3))
    found, counts = await read(reader, tp, 0, 2)
    assert (found, told(counts)) == ([], (0, 0, 0, 2, None))


async def test_o5_more_than_one_answer_of_a_broker_is_read_to_its_end(
    reader: LogReader, tp: TopicPartition, sender: Sender
) -> None:
    large = b"x" * 700_000
    await sender.send(large, large, commit=False)
    await sender.send(large, large, large)
    found, counts = await read(reader, tp)
    assert ([offset for offset, _ in found], told(counts)) == ([3, 4, 5], (3, 2, 2, 0, 3))


class Compacted:
    """A partition of which compaction took most, as a broker sends it."""

    def __init__(self, *log: bytes) -> None:
        self._data = b"".join(log)

    async def ends(self, topics: Iterable[str]) -> dict[TopicPartition, Ends]:
        return {TopicPartition("t", 0): Ends(0, 100, 100)}

    async def fetch_stable(self, tp: TopicPartition, offset: int, size: int = 0) -> Fetched:
        return Fetched(await self.fetch(tp, offset), [(7, 10)])

    async def fetch(self, tp: TopicPartition, offset: int) -> bytes:
        """All of it from the batch on that holds the offset."""
        return b"".join(one.data for one in batches(self._data) if one.last >= offset)


def batch(first: int, offsets: Iterable[int], last: int, *, producer: int = -1, control: bool = False) -> bytes:
    """A batch that kept its first and last offset while compaction took records of it."""
    builder = DefaultRecordBatchBuilder(2, 0, int(producer >= 0), producer, 0, 0, 1 << 20)
    for offset in offsets:
        key = struct.pack(">hh", 0, 0) if control else b"k"
        builder.append(offset - first, 0, key, b"%d" % offset, [])
    built = builder.build()
    struct.pack_into(">q", built, 0, first)
    struct.pack_into(">h", built, 21, (0x10 if producer >= 0 else 0) | (0x20 if control else 0))
    struct.pack_into(">i", built, 23, last - first)
    struct.pack_into(">I", built, 17, calc_crc32c(memoryview(built)[21:]))
    return bytes(built)


async def compacted(start: int, end: int, *log: bytes) -> tuple[list[int], RangeCounts]:
    counts = RangeCounts(start, end)
    found: list[StoredRecord] = []
    async for records in read_range(Compacted(*log), TopicPartition("t", 0), counts):  # type: ignore[arg-type]
        found += records
        assert counts.records == len(found)
    return [one.offset for one in found], counts


async def test_o5_what_compaction_took_is_said() -> None:
    log = [
        batch(2, [3, 5], 8),
        batch(10, [12], 13, producer=7),  # aborted
        batch(20, [20], 20, producer=7, control=True),
        batch(21, [22], 22, producer=7),  # the producer's next transaction
        batch(23, [], 23, producer=7, control=True),  # its marker is gone, the batch stayed
        batch(40, [41, 59], 59),
    ]
    found, counts = await compacted(0, 100, *log)
    assert (found, told(counts)) == ([3, 5, 22, 41, 59], (5, 1, 1, 93, 3))
    found, counts = await compacted(5, 42, *log)
    assert (found, told(counts)) == ([5, 22, 41], (3, 1, 1, 32, 5))


async def test_a_batch_that_is_damaged_stops_the_reading_with_its_place_and_no_data() -> None:
    whole, damaged = batch(0, [0, 1], 1), bytearray(batch(2, [2], 2))
    damaged[-2] ^= 1
    with pytest.raises(PartitionUnreadable, match="t/0 cannot be read from offset 2 on: CorruptRecordException"):
        await compacted(0, 100, whole, bytes(damaged))


async def first(start: int, end: int, *log: bytes) -> int | None:
    record = await first_record(Compacted(*log), TopicPartition("t", 0), start, end)  # type: ignore[arg-type]
    return None if record is None else record.offset


async def readable(start: int, end: int, *log: bytes) -> int | None:
    return await first_readable(Compacted(*log), TopicPartition("t", 0), start, end)  # type: ignore[arg-type]


async def test_the_first_committed_record_is_found_behind_gaps_and_what_was_aborted() -> None:
    log = [batch(2, [3, 5], 8), batch(10, [12], 13, producer=7), batch(20, [20], 20, producer=7, control=True)]
    log.append(batch(40, [41], 59))
    assert [await first(start, 60, *log) for start in (0, 4, 6, 42)] == [3, 5, 41, None]
    assert await first(6, 41, *log) is None


async def test_behind_damaged_batches_is_the_first_that_can_be_read() -> None:
    damaged = [bytearray(batch(first, [first], first + 1)) for first in (2, 4)]
    for one in damaged:
        one[-2] ^= 1
    log = [batch(0, [0, 1], 1), *map(bytes, damaged), batch(6, [7], 7)]
    assert [await readable(start, 60, *log) for start in (0, 2, 3, 4, 6)] == [0, 6, 6, 6, 6]
    assert await readable(2, 60, *log[:3]) == 6, "what comes next can be read"
    assert await readable(2, 5, *log[:3]) == 5
