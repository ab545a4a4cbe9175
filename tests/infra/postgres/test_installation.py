"""What a database remembers of the installation that it belongs to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from uuid import uuid4

import asyncpg
import pytest

from infra.errors import Fenced, SettingsError, WrongCluster, WrongTopics
from infra.identity import Cluster, Topic
from infra.postgres.connection import connect
from infra.postgres.installation import accept_settings, check_identity, register
from infra.postgres.offsets import advance, take_ownership
from schemas.topics import KIV_STAFF, KIV_UNIT, TOPICS

AGREED = {"group_id": "g", "on_doctor_left": "end"}
CLUSTER = Cluster("c", {topic.name: Topic(2, uuid4()) for topic in TOPICS})


@pytest.fixture
async def pg(migrated_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(migrated_url)
    yield connection
    await connection.close()


def with_topics(topics: Mapping[str, Topic]) -> Cluster:
    return replace(CLUSTER, topics={**CLUSTER.topics, **topics})


async def test_what_the_first_start_found_is_held_against_every_other(pg: asyncpg.Connection) -> None:
    shards = await register(pg, AGREED, CLUSTER)
    assert await register(pg, AGREED, CLUSTER) == shards
    with pytest.raises(SettingsError, match="FASTLAKARE_GROUP_ID"):
        await register(pg, AGREED | {"group_id": "h"}, CLUSTER)
    with pytest.raises(WrongCluster):
        await register(pg, AGREED, replace(CLUSTER, id="d"))
    with pytest.raises(WrongTopics, match=f"{KIV_STAFF} was made anew"):
        await register(pg, AGREED, with_topics({KIV_STAFF: Topic(2, uuid4())}))
    with pytest.raises(WrongTopics, match=f"{KIV_STAFF} has 3 partitions, the database remembers 2"):
        await register(pg, AGREED, with_topics({KIV_STAFF: replace(CLUSTER.topics[KIV_STAFF], partitions=3)}))
    await check_identity(pg, AGREED, CLUSTER)


async def test_a_start_that_lacks_topics_remembers_nothing(pg: asyncpg.Connection) -> None:
    """It may be one with the wrong prefix, or at the wrong cluster."""
    wrong = Cluster("wrong", {KIV_STAFF: Topic(7, uuid4())})
    with pytest.raises(WrongTopics, match="missing topics: "):
        await register(pg, {"group_id": "wrong"}, wrong)
    await register(pg, AGREED, CLUSTER)


async def test_what_a_broker_did_not_tell_is_remembered_once_it_does(pg: asyncpg.Connection) -> None:
    mute = Cluster(None, {name: Topic(topic.partitions) for name, topic in CLUSTER.topics.items()})
    await register(pg, {"group_id": "g"}, mute)
    await register(pg, AGREED, CLUSTER)
    for other in (replace(CLUSTER, id="d"), with_topics({KIV_STAFF: Topic(2, uuid4())})):
        with pytest.raises((WrongCluster, WrongTopics)):
            await check_identity(pg, AGREED, other)
    with pytest.raises(SettingsError, match="FASTLAKARE_ON_DOCTOR_LEFT"):
        await check_identity(pg, AGREED | {"on_doctor_left": "keep"}, CLUSTER)
    await register(pg, AGREED, mute)  # and one that does not is no contradiction


async def test_settings_that_are_accepted_shut_out_who_runs_with_others(pg: asyncpg.Connection) -> None:
    await register(pg, AGREED, CLUSTER)
    old = await take_ownership(pg, KIV_STAFF, {0: 0, 1: 0})
    assert await accept_settings(pg, AGREED) == {}
    await advance(pg, KIV_STAFF, old, {0: 1})  # nothing was changed, so nobody is shut out
    new = AGREED | {"on_doctor_left": "keep"}
    assert await accept_settings(pg, new) == {"on_doctor_left": ("end", "keep")}
    with pytest.raises(Fenced):
        await advance(pg, KIV_STAFF, old, {1: 1})
    with pytest.raises(SettingsError):
        await check_identity(pg, AGREED, CLUSTER)
    await check_identity(pg, new, CLUSTER)


async def test_r2_places_in_a_topic_that_was_made_anew_are_forgotten(pg: asyncpg.Connection) -> None:
    """Offsets of the old one say nothing of the new one's order."""
    await register(pg, AGREED, CLUSTER)
    await pg.execute("INSERT INTO doctor VALUES ('D', 1, false, false, NULL, NULL, NULL, true, '[]', NULL, 0, 1, 7)")
    await pg.execute(
        "INSERT INTO unit (hsa_id, version, removed, kind, revision, fact_partition, fact_offset)"
        " VALUES ('U', 1, false, 'vardcentral', 0, 1, 7)"
    )
    await pg.execute(
        "INSERT INTO patient (id, key, partition, sequence, revision, announced, fact_partition, fact_offset)"
        " VALUES (1, 'k', 0, 1, 1, true, 1, 7)"
    )
    kept = "SELECT (SELECT fact_offset FROM doctor), (SELECT fact_offset FROM unit), (SELECT fact_offset FROM patient)"
    await register(pg, AGREED, CLUSTER)
    assert tuple(await pg.fetchrow(kept)) == (7, 7, 7)
    await pg.execute("UPDATE topic SET id = NULL WHERE name = $1", KIV_UNIT)
    await register(pg, AGREED, with_topics({KIV_UNIT: Topic(2, uuid4())}))
    assert tuple(await pg.fetchrow(kept)) == (7, None, 7)
    assert await pg.fetchval("SELECT units_revision FROM day") == await pg.fetchval("SELECT revision FROM unit") == 1
    await pg.execute("UPDATE topic SET id = NULL")
    await register(pg, AGREED, CLUSTER)
    assert tuple(await pg.fetchrow(kept)) == (None, None, None)
