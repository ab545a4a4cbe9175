"""The relay on a real broker: it goes on where Kafka is, whatever the table's cursor or other writers say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from infra.errors import OutboxDiverged
from infra.kafka import tail
from infra.outbox_event import Headers
from infra.postgres import outbox
from infra.postgres.outbox import Event
from schemas.topics import LISTNING_REPLY
from tests.harness.waiting import until
from tests.workers.relay.place import Place, place_on, until_published
from workers.handoff import Handoff
from workers.health import Health
from workers.relay.leader import Relay

OLD_BACKUP = "UPDATE outbox_shard SET last_seq = 1, published_seq = 1 WHERE topic = 'listning.reply.v1'"


@pytest.fixture
async def place(kafka: Any, migrated_url: str, topic_prefix: str) -> AsyncIterator[Place]:
    async with place_on(kafka.bootstrap, migrated_url, topic_prefix) as made:
        yield made


async def test_a_new_leader_goes_on_where_kafka_is_and_not_where_the_table_says(place: Place) -> None:
    await place.write(b"1", b"2")
    rows = await place.pg.fetch("SELECT * FROM outbox")
    assert await place.published(2) == [b"1", b"2"]
    await place.pg.execute("UPDATE outbox_shard SET published_seq = 0")  # the cursor was lost, the rows are back
    await place.pg.execute("DELETE FROM outbox")
    await place.pg.copy_records_to_table("outbox", records=[tuple(row) for row in rows])
    await place.write(b"3")
    assert await place.published(3) == [b"1", b"2", b"3"]


async def test_the_tail_is_found_behind_markers_aborted_records_and_strangers(place: Place) -> None:
    assert await place.tail() == 0
    await place.write(b"1", b"2")
    await place.published(2)
    await place.strange(40, commit=False)  # more than the first window holds
    await place.strange(3, commit=True)
    assert await place.tail() == 2


async def test_a_sequence_that_a_dead_letter_copied_is_not_taken_for_its_own(place: Place) -> None:
    """Whoever carries the headers of a reply on, in a record that cannot be read, must not stop what is published."""
    id: UUID = await place.pg.fetchval("SELECT id FROM installation")
    copied: Headers = [(tail.SEQUENCE_HEADER, tail.sequence_prefix(id) + b"5")]
    async with place.pg.transaction():
        await outbox.append(place.pg, place.shards, [Event(LISTNING_REPLY, 0, b"k", b"1", copied)])
    await place.published(1)
    assert await place.tail() == 1
    await place.write(b"2")
    assert await place.published(2) == [b"1", b"2"]


async def test_a_topic_made_anew_is_not_written_to_before_somebody_means_it(place: Place) -> None:
    """Readers that begin there would lack all that was published before, and not know."""
    id = await place.pg.fetchval("UPDATE topic SET id = gen_random_uuid() WHERE name = $1 RETURNING id", LISTNING_REPLY)
    await place.write(b"1")
    health = Health(clock=count(step=100).__next__)  # time flies, so that what is reported counts at once
    task = asyncio.create_task(Relay(place.engine, place.settings, Handoff(), health=health).run())

    async def told() -> bool:
        return f"WrongTopics: {LISTNING_REPLY} was made anew" in str(health.reasons())

    await until(told, what="the relay to say why")
    assert await place.committed() == []
    await place.pg.execute("UPDATE topic SET id = NULL WHERE id = $1", id)
    await until_published(place, 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await place.committed() == [b"1"]


async def test_sequences_that_were_never_written_stop_the_relay(place: Place) -> None:
    await place.write(b"1")
    await place.published(1)
    await place.pg.execute("UPDATE outbox_shard SET last_seq = 0, published_seq = 0")  # an old backup
    with pytest.raises(OutboxDiverged, match="sequence 1 of 0 written"):
        await place.positions()
    assert await outbox.waiting(place.pg) == 0


async def test_sequences_that_were_written_a_second_time_stop_the_relay_also_once_they_have_caught_up(
    place: Place,
) -> None:
    """Else what lies between the old backup and the topic's end would be taken for published."""
    await place.write(b"1", b"2")
    await place.published(2)
    await place.pg.execute(OLD_BACKUP)
    await place.write(b"another", b"3")
    with pytest.raises(OutboxDiverged, match="sequence 2 was written with another content"):
        await place.positions()


async def test_what_was_decided_anew_as_it_was_is_not_another_content(place: Place) -> None:
    await place.write(b"1", b"2")
    await place.published(2)
    await place.pg.execute(OLD_BACKUP)
    await place.write(b"2", b"3")
    assert await place.published(3) == [b"1", b"2", b"3"]
