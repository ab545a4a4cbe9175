"""Events keep their order and leave no gaps, whoever writes them at once and whichever way they go to the relay."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import EventTooLarge
from infra.outbox_event import OutboxEvent
from infra.postgres import outbox
from infra.postgres.connection import connect
from infra.postgres.outbox import Event, pack, unpack
from schemas.topics import TOPICS, record_bytes
from tests.harness.waiting import until

TOPIC = "listning.reply.v1"
SHARDS = {(TOPIC, 0): 0, (TOPIC, 1): 1, (TOPIC, 2): 2}


@pytest.fixture
async def pg(migrated_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(migrated_url)
    for (topic, partition), shard in SHARDS.items():
        await connection.execute(
            "INSERT INTO outbox_shard (shard, topic, partition) VALUES ($1, $2, $3)", shard, topic, partition
        )
    yield connection
    await connection.close()


def event(partition: int, value: bytes = b"v") -> Event:
    return Event(TOPIC, partition, b"k", value, [("h", b"1")])


async def test_every_shard_counts_by_itself_from_one(pg: asyncpg.Connection) -> None:
    async with pg.transaction():
        written = await outbox.append(pg, SHARDS, [event(1), event(0), event(1)])
    assert [(row.shard, row.seq) for row in written] == [(0, 1), (1, 1), (1, 2)]
    assert await outbox.last_sequences(pg) == {0: 1, 1: 2, 2: 0}
    assert await outbox.waiting(pg) == 3


async def test_an_event_that_its_topic_would_refuse_is_not_written(pg: asyncpg.Connection) -> None:
    most = next(topic.max_record_bytes for topic in TOPICS if topic.name == TOPIC)
    fits = most - record_bytes(*event(0, b"")[2:])
    async with pg.transaction():
        await outbox.append(pg, SHARDS, [event(0, b"x" * fits)])
    with pytest.raises(EventTooLarge, match=f"{TOPIC} takes {most}"):
        async with pg.transaction():
            await outbox.append(pg, SHARDS, [event(0), event(1, b"x" * (fits + 1))])
    assert await outbox.waiting(pg) == 1


async def test_a_topic_that_takes_less_on_this_cluster_is_held_to_that(pg: asyncpg.Connection) -> None:
    with pytest.raises(EventTooLarge, match=f"{TOPIC} takes 100"):
        async with pg.transaction():
            await outbox.append(pg, SHARDS, [event(0, b"x" * 100)], {TOPIC: 100})


async def test_what_is_rolled_back_leaves_no_gap(pg: asyncpg.Connection) -> None:
    transaction = pg.transaction()
    await transaction.start()
    await outbox.append(pg, SHARDS, [event(0)])
    await transaction.rollback()
    async with pg.transaction():
        assert (await outbox.append(pg, SHARDS, [event(0)]))[0].seq == 1


async def test_a_later_writer_cannot_overtake_an_earlier_one(pg: asyncpg.Connection, migrated_url: str) -> None:
    other = await connect(migrated_url)
    first = pg.transaction()
    await first.start()
    await outbox.append(pg, SHARDS, [event(0, b"first")])

    async def second() -> list[OutboxEvent]:
        async with other.transaction():
            return await outbox.append(other, SHARDS, [event(0, b"second")])

    task = asyncio.create_task(second())
    pid = other.get_server_pid()
    await until(lambda: pg.fetchval("SELECT cardinality(pg_blocking_pids($1)) > 0", pid), what="the second to wait")
    await first.commit()
    assert (await task)[0].seq == 2
    await other.close()


async def test_a_reader_by_sequence_misses_nothing_of_many_writers(pg: asyncpg.Connection, migrated_url: str) -> None:
    writers = [await connect(migrated_url) for _ in range(4)]
    done = asyncio.Event()

    async def write(number: int) -> None:
        rng = random.Random(number)
        for turn in range(25):
            async with writers[number].transaction():
                shards = [rng.randrange(3) for _ in range(rng.randrange(1, 6))]
                await outbox.append(writers[number], SHARDS, [event(s, b"%d/%d" % (number, turn)) for s in shards])
                if rng.random() < 0.5:
                    await writers[number].fetchval("SELECT pg_sleep(0.002)")  # commits in another order

    async def read() -> dict[int, list[int]]:
        seen: dict[int, list[int]] = {0: [], 1: [], 2: []}
        while True:
            last = done.is_set()
            after = {shard: rows[-1] if rows else 0 for shard, rows in seen.items()}
            for shard, rows in (await outbox.read(pg, after, events=100, size=1 << 20)).items():
                seen[shard] += [row.seq for row in rows]
            if last:
                return seen

    reading = asyncio.create_task(read())
    await asyncio.gather(*(write(number) for number in range(4)))
    done.set()
    seen = await reading
    assert {shard: list(range(1, seq + 1)) for shard, seq in (await outbox.last_sequences(pg)).items()} == seen
    for writer in writers:
        await writer.close()


async def test_reading_ends_at_the_number_and_size_asked_for(pg: asyncpg.Connection) -> None:
    async with pg.transaction():
        await outbox.append(pg, SHARDS, [event(0, b"x" * 10) for _ in range(5)])
    by_number = await outbox.read(pg, {0: 1, 1: 0}, events=2, size=1 << 20)
    assert {shard: [row.seq for row in rows] for shard, rows in by_number.items()} == {0: [2, 3]}
    by_size = await outbox.read(pg, {0: 0}, events=100, size=15)
    assert [row.seq for row in by_size[0]] == [1, 2]
    assert by_size[0][0] == OutboxEvent(0, 1, b"k", b"x" * 10, [("h", b"1")])


async def test_cleaning_moves_the_cursor_and_leaves_what_follows(pg: asyncpg.Connection) -> None:
    async with pg.transaction():
        await outbox.append(pg, SHARDS, [event(0) for _ in range(3)])
    assert await outbox.clean(pg, {0: (0, 2)}) == [0]
    assert [(row.last_seq, row.published_seq) for row in await outbox.shards(pg)] == [(3, 2), (0, 0), (0, 0)]
    assert await pg.fetch("SELECT seq FROM outbox") == [(3,)]
    assert await outbox.clean(pg, {0: (0, 1)}) == [0]
    assert await outbox.waiting(pg) == 1  # the cursor never goes back


async def test_cleaning_waits_for_no_batch(pg: asyncpg.Connection, migrated_url: str) -> None:
    busy = await connect(migrated_url)
    async with busy.transaction():
        await outbox.append(busy, SHARDS, [event(0)])
        assert await outbox.clean(pg, {0: (0, 0), 1: (0, 0)}) == [1]
    await busy.close()


@given(st.lists(st.tuples(st.text(), st.none() | st.binary())))
def test_headers_of_any_bytes_come_back(headers: list[tuple[str, bytes | None]]) -> None:
    assert unpack(pack(headers)) == headers
