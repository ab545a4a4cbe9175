"""The topics of an installation against those of a real cluster."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from infra.kafka.topics import Drift, create, expected, missing_or_different, partition_counts
from infra.settings import Settings
from tests.harness.waiting import until

INPUTS = ("kiv.staff.v1", "kiv.unit.v1", "vardval.listing.v1", "listning.command.v1", "listning.clock.v1")


@pytest.fixture
def settings(kafka: Any, topic_prefix: str) -> Settings:
    return Settings(kafka_bootstrap_servers=kafka.bootstrap, topic_prefix=topic_prefix, partitions=2)


async def make(settings: Settings, bare: str, partitions: int, **configs: str) -> None:
    """A topic as somebody else created it; `_` in a setting's name stands for a dot."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    await admin.start()
    try:
        dotted = {name.replace("_", "."): value for name, value in configs.items()}
        response = await admin.create_topics([NewTopic(settings.topic(bare), partitions, 1, None, dotted)])
        assert [error[1] for error in response.topic_errors] == [0]
    finally:
        await admin.close()

    async def seen() -> bool:
        return bare in await partition_counts(settings)

    await until(seen, what=f"{bare} to be known")


async def test_every_missing_topic_is_told(settings: Settings) -> None:
    differences = await missing_or_different(settings)
    assert [(found.name, found.what) for found in differences] == [(one.name, "missing") for one in expected(settings)]
    assert await partition_counts(settings) == {}


async def test_what_was_created_is_as_it_should_be(settings: Settings) -> None:
    created, differences = await create(settings)
    assert (sorted(created), differences) == (sorted(one.name for one in expected(settings)), [])
    assert await missing_or_different(settings) == []
    assert await create(settings) == ([], [])
    counts = await partition_counts(settings)
    assert counts == {one.bare: 1 if one.bare == "listning.clock.v1" else 2 for one in expected(settings)}


async def test_a_topic_that_is_there_is_reported_and_never_altered(settings: Settings) -> None:
    await make(settings, "listning.reply.v1", 3, cleanup_policy="compact", retention_ms="1000")
    created, differences = await create(settings)
    name = settings.topic("listning.reply.v1")
    assert name not in created
    assert differences == await missing_or_different(settings)
    rows = {(found.name, found.what, found.wanted, found.found) for found in differences}
    assert rows == {
        (name, "partitions", "2", "3"),
        (name, "cleanup.policy", "delete", "compact"),
        (name, "retention.ms", "2592000000", "1000"),
        (name, "max.message.bytes", "8388608", "1048588"),
    }


async def test_a_topic_may_take_larger_records_than_it_must(settings: Settings) -> None:
    await make(settings, "listning.reply.v1", 2, retention_ms="2592000000", max_message_bytes="9000000")
    found = [difference for difference in await missing_or_different(settings) if difference.what != "missing"]
    assert found == []


async def test_a_compacted_topic_that_also_deletes_would_lose_facts(settings: Settings) -> None:
    await make(settings, "kiv.staff.v1", 2, cleanup_policy="compact,delete")
    name = settings.topic("kiv.staff.v1")
    differences = await missing_or_different(settings)
    assert Drift(name, "cleanup.policy", "compact", "compact,delete") in differences


def test_the_service_reads_its_inputs_and_writes_the_rest(settings: Settings) -> None:
    rights = {one.bare: one.rights for one in expected(settings)}
    assert {bare for bare, needed in rights.items() if needed == ("read",)} == set(INPUTS) - {"listning.clock.v1"}
    rows = {one.bare: one.rights for one in expected(settings.model_copy(update={"own_clock": False}))}
    assert rows["listning.clock.v1"] == ("read",)


async def test_a_cluster_that_is_away_is_an_error_and_no_difference() -> None:
    away = Settings(kafka_bootstrap_servers="127.0.0.1:1")
    with pytest.raises(KafkaError):
        await missing_or_different(away)
    with pytest.raises(KafkaError):
        await partition_counts(away)
