"""The topics of an installation against those of a real cluster."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from infra.embedded.broker import PARTITIONS, Broker
from infra.kafka.client import closing
from infra.kafka.topic_comparison import Comparison, Drift, compare, compare_topics
from infra.kafka.topics import create, expected, read_cluster
from infra.settings import Settings
from schemas.topics import TOPICS
from tests.harness.waiting import until


@pytest.fixture
def settings(kafka: Any, topic_prefix: str) -> Settings:
    return Settings(kafka_bootstrap_servers=kafka.bootstrap, topic_prefix=topic_prefix, partitions=2)


async def make(settings: Settings, bare: str, partitions: int, **configs: str) -> None:
    """A topic as somebody else created it; `_` in a setting's name stands for a dot."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    async with closing(admin.close):
        await admin.start()
        dotted = {name.replace("_", "."): value for name, value in configs.items()}
        response = await admin.create_topics([NewTopic(settings.topic(bare), partitions, 1, None, dotted)])
        assert [error[1] for error in response.topic_errors] == [0]

    async def seen() -> bool:
        return bare in (await read_cluster(settings)).topics

    await until(seen, what=f"{bare} to be known")


async def differences(settings: Settings, bare: str) -> set[tuple[str, str, str | None]]:
    """What differs of one topic, as (what, wanted, found)."""
    compared = await compare(settings)
    return {(one.what, one.wanted, one.found) for one in compared.differences if one.name == settings.topic(bare)}


async def test_every_missing_topic_is_told(settings: Settings) -> None:
    compared = await compare(settings)
    assert [(found.name, found.what) for found in compared.differences] == [
        (one.name, "missing") for one in expected(settings)
    ]
    assert compared.warnings == []


async def test_what_was_created_is_as_it_should_be(settings: Settings) -> None:
    await create(settings)
    assert (await compare(settings)).differences == []


async def test_a_topic_that_is_there_is_reported_and_never_altered(settings: Settings) -> None:
    await make(settings, "listning.reply.v1", 3, cleanup_policy="compact", retention_ms="1000")
    created = await create(settings)
    assert settings.topic("listning.reply.v1") not in created
    assert await differences(settings, "listning.reply.v1") == {
        ("partitions", "2", "3"),
        ("cleanup.policy", "delete", "compact"),
        ("retention.ms", "2592000000", "1000"),
        ("max.message.bytes", "8388608", "1048588"),
    }


async def test_null_values_and_replaced_records_that_go_too_soon_or_too_late_are_told(settings: Settings) -> None:
    """Kafka's own defaults: a null value can be missed after a day, and what it withdraws stays readable."""
    await make(settings, "1177.fast-lakarkontakt.v1", 2, cleanup_policy="compact")
    await make(settings, "vardval.listing.v1", 2, cleanup_policy="compact")
    common = {
        ("delete.retention.ms", "2592000000", "86400000"),
        ("segment.ms", "86400000", "604800000"),
        ("max.message.bytes", "1114112", "1048588"),
    }
    assert await differences(settings, "1177.fast-lakarkontakt.v1") == {
        *common,
        ("max.compaction.lag.ms", "86400000", str(2**63 - 1)),
    }
    assert await differences(settings, "vardval.listing.v1") == {*common, ("min.compaction.lag.ms", "604800000", "0")}


async def test_a_topic_may_be_better_than_it_must(settings: Settings) -> None:
    await make(settings, "listning.reply.v1", 2, retention_ms="2592000000", max_message_bytes="9000000")
    await make(
        settings,
        "listning.doctor.v1",
        2,
        cleanup_policy="compact",
        delete_retention_ms="3000000000",
        segment_ms="3600000",
        max_compaction_lag_ms="3600000",
        max_message_bytes="2000000",
    )
    await make(
        settings,
        "kiv.staff.v1",
        2,
        cleanup_policy="compact",
        delete_retention_ms="3000000000",
        segment_ms="3600000",
        min_compaction_lag_ms="700000000",
        max_message_bytes="2000000",
    )
    for bare in ("listning.reply.v1", "listning.doctor.v1", "kiv.staff.v1"):
        assert await differences(settings, bare) == set()


async def test_a_compacted_topic_that_also_deletes_would_lose_facts(settings: Settings) -> None:
    await make(settings, "kiv.staff.v1", 2, cleanup_policy="compact,delete")
    assert ("cleanup.policy", "compact", "compact,delete") in await differences(settings, "kiv.staff.v1")


async def test_a_cluster_that_loses_records_with_a_broker_is_a_warning_and_no_difference(settings: Settings) -> None:
    await make(
        settings,
        "listning.clock.v1",
        1,
        retention_ms="2592000000",
        max_message_bytes="1114112",
        unclean_leader_election_enable="true",
    )
    compared = await compare(settings)
    name = settings.topic("listning.clock.v1")
    assert compared.warnings == [
        Drift(name, "replicas", "3", "1"),
        Drift(name, "min.insync.replicas", "2", "1"),
        Drift(name, "unclean.leader.election.enable", "false", "true"),
    ]
    assert [one for one in compared.differences if one.name == name] == []


async def test_a_broker_without_admin_calls_is_not_held_to_what_it_does_not_tell() -> None:
    broker = Broker()
    broker.start()
    try:
        broker.make_topics(topic.name for topic in TOPICS)
        settings = Settings(kafka_bootstrap_servers=broker.bootstrap, partitions=PARTITIONS)
        compared = await compare_topics(settings)
    finally:
        broker.stop()
    assert {one.what for one in compared.differences} <= {"partitions"}  # the clock's: every topic has as many there
    assert {one.what for one in compared.warnings} <= {"replicas"}


async def test_a_cluster_that_is_away_is_an_error_and_no_difference() -> None:
    with pytest.raises(KafkaError):
        await compare(Settings(kafka_bootstrap_servers="127.0.0.1:1"))


def test_as_json_a_comparison_has_both_lists() -> None:
    drift = Drift("a", "partitions", "2", "3")
    assert Comparison([drift]).as_json() == {
        "differences": [{"name": "a", "what": "partitions", "wanted": "2", "found": "3"}],
        "warnings": [],
    }
