"""What an installation remembers of its cluster, topics and settings, and a shard for each partition it writes to."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import asyncpg
import orjson

from infra.environment import variable
from infra.errors import SettingsError, WrongTopics
from infra.identity import Cluster, Topic, require_cluster, require_settings, require_topics
from infra.patient_keys import PatientKeys
from infra.postgres.locks import lock_installation
from schemas.topics import KIV_STAFF, KIV_UNIT, LISTNING_CLOCK, TOPICS, VARDVAL_LISTING

_REMEMBER_CLUSTER = "UPDATE installation SET cluster_id = $1 WHERE cluster_id IS NULL"
_REMEMBER_TOPICS = """
INSERT INTO topic AS known (name, partitions, id) SELECT * FROM unnest($1::text[], $2::int[], $3::uuid[])
ON CONFLICT (name) DO UPDATE SET id = excluded.id WHERE known.id IS NULL
"""
_MADE_ANEW = """
SELECT name FROM topic AS known JOIN unnest($1::text[], $2::uuid[]) AS found(name, id) USING (name)
WHERE known.id IS NULL AND found.id IS NOT NULL
"""
_FORGET_PLACES = {
    KIV_STAFF: "UPDATE doctor SET fact_partition = NULL, fact_offset = NULL WHERE fact_offset IS NOT NULL",
    VARDVAL_LISTING: "UPDATE patient SET fact_partition = NULL, fact_offset = NULL WHERE fact_offset IS NOT NULL",
    KIV_UNIT: """
WITH next AS (UPDATE day SET units_revision = units_revision + 1 RETURNING units_revision)
UPDATE unit SET fact_partition = NULL, fact_offset = NULL, revision = next.units_revision FROM next
WHERE fact_offset IS NOT NULL
""",
}
_FORGET_OUTCOMES = "DELETE FROM record_outcome WHERE topic = $1"
_REMEMBER_SETTINGS = """
UPDATE installation SET settings = $1::jsonb || settings WHERE NOT settings ?& $2::text[]
"""
_ACCEPT_SETTINGS = "UPDATE installation SET settings = $1::jsonb"
_FENCE_ALL = """
WITH locked AS (SELECT topic, partition FROM consumer_offset ORDER BY topic, partition FOR UPDATE)
UPDATE consumer_offset AS owned SET epoch = epoch + 1 FROM locked
WHERE (owned.topic, owned.partition) = (locked.topic, locked.partition)
"""
_SHARDS = """
INSERT INTO outbox_shard (shard, topic, partition)
SELECT coalesce((SELECT max(shard) + 1 FROM outbox_shard), 0) + row_number() OVER (ORDER BY topic, partition) - 1,
       topic, partition
FROM unnest($1::text[], $2::int[]) AS new(topic, partition)
WHERE NOT EXISTS (SELECT FROM outbox_shard AS known WHERE (known.topic, known.partition) = (new.topic, new.partition))
"""
_REMEMBER_KEY = "UPDATE installation SET key_fingerprint = $1 WHERE key_fingerprint IS NULL"


async def read_id(pg: asyncpg.Connection) -> UUID:
    """The installation's own id, made by the first migration."""
    id: UUID = await pg.fetchval("SELECT id FROM installation")
    return id


async def check_patient_key(pg: asyncpg.Connection, keys: PatientKeys) -> None:
    """Remembers at the first start which secret the patients' keys are made with. Raises SettingsError at a start with
    another one: nobody would be known by their key any more, not even those who are protected (L7)."""
    await pg.execute(_REMEMBER_KEY, keys.fingerprint)
    await require_patient_key(pg, keys)


async def require_patient_key(pg: asyncpg.Connection, keys: PatientKeys) -> None:
    """Raises SettingsError where patients' keys were made with another secret at the first start."""
    if await pg.fetchval("SELECT key_fingerprint FROM installation") != keys.fingerprint:
        raise SettingsError(
            f"{variable('patient_key_secret')}: does not match the secret this database was first used with"
        )


async def check_settings(pg: asyncpg.Connection, agreed: Mapping[str, str]) -> None:
    """Holds the settings in which all processes must agree (`identity.agreed_settings`) against the memory. Raises
    SettingsError."""
    require_settings(await _settings(pg), agreed)


async def accept_settings(pg: asyncpg.Connection, agreed: Mapping[str, str]) -> dict[str, tuple[str | None, str]]:
    """Remembers these from now on, and shuts processes out that run with others: every partition is taken from them.
    Returns what was changed: by the setting's name, the old value and the new one."""
    async with pg.transaction():
        before = await _settings(pg)
        changed = {name: (before.get(name), value) for name, value in agreed.items() if before.get(name) != value}
        if changed:
            await pg.execute(_ACCEPT_SETTINGS, orjson.dumps(agreed).decode())
            await pg.execute(_FENCE_ALL)
    return changed


async def check_identity(pg: asyncpg.Connection, agreed: Mapping[str, str], cluster: Cluster) -> None:
    """Holds settings, cluster and those of its topics that were asked for against the memory. Raises SettingsError,
    WrongCluster, and last WrongTopics."""
    require_settings(await _settings(pg), agreed)
    require_cluster(await pg.fetchval("SELECT cluster_id FROM installation"), cluster.id)
    require_topics(dict(await pg.fetch("SELECT name, id FROM topic")), cluster.topics)


async def register(pg: asyncpg.Connection, agreed: Mapping[str, str], cluster: Cluster) -> dict[tuple[str, int], int]:
    """Remembers settings, cluster and topics at the first start where all topics are there, holds them against the
    memory ever after; returns the shards by topic and partition. Raises SettingsError, WrongCluster, WrongTopics."""
    found = cluster.topics
    async with pg.transaction():
        await lock_installation(pg)
        await pg.execute(_REMEMBER_SETTINGS, orjson.dumps(agreed).decode(), list(agreed))
        await pg.execute(_REMEMBER_CLUSTER, cluster.id)
        await check_identity(pg, agreed, cluster)
        missing = [topic.name for topic in TOPICS if topic.name not in found]
        if missing:
            raise WrongTopics(f"missing topics: {', '.join(missing)}; `fastlakare topics --create` makes them")
        counts, ids = [topic.partitions for topic in found.values()], [topic.id for topic in found.values()]
        for (name,) in await pg.fetch(_MADE_ANEW, list(found), ids):
            await pg.execute(_FORGET_OUTCOMES, name)
            if name in _FORGET_PLACES:  # offsets of the old topic say nothing of the new one's order (R2)
                await pg.execute(_FORGET_PLACES[name])
        await pg.execute(_REMEMBER_TOPICS, list(found), counts, ids)
        known = dict(await pg.fetch("SELECT name, partitions FROM topic"))
        for name, topic in found.items():
            if known[name] != topic.partitions:
                raise WrongTopics(
                    f"{name} has {topic.partitions} partitions, the database remembers {known[name]}: keys would"
                    " change their places and patients lose their order. Bring the topic back to its number, or start a"
                    " new installation with an own topic prefix and database"
                )
        written = [
            (topic.name, partition)
            for topic in TOPICS
            if topic.direction == "out" or topic.name == LISTNING_CLOCK
            for partition in range(found[topic.name].partitions)
        ]
        await pg.execute(_SHARDS, [name for name, _ in written], [partition for _, partition in written])
        rows = await pg.fetch("SELECT topic, partition, shard FROM outbox_shard")
    return {(topic, partition): shard for topic, partition, shard in rows}


async def recall(pg: asyncpg.Connection, agreed: Mapping[str, str], cluster: Cluster) -> dict[tuple[str, int], int]:
    """The shards by topic and partition, of an installation that has started before; writes nothing. Raises
    SettingsError, WrongCluster, WrongTopics."""
    await check_identity(pg, agreed, cluster)
    rows = await pg.fetch("SELECT topic, partition, shard FROM outbox_shard")
    if not rows:
        raise WrongTopics("this installation has never started: `fastlakare run` registers its topics")
    return {(topic, partition): shard for topic, partition, shard in rows}


async def remembered(
    pg: asyncpg.Connection, agreed: Mapping[str, str]
) -> tuple[Cluster, dict[tuple[str, int], int]] | None:
    """The topics as the installation knows them and the shards, without asking the cluster; None where it has never
    started. Raises SettingsError."""
    require_settings(await _settings(pg), agreed)
    topics = {
        name: Topic(partitions, id) for name, partitions, id in await pg.fetch("SELECT name, partitions, id FROM topic")
    }
    rows = await pg.fetch("SELECT topic, partition, shard FROM outbox_shard")
    if not topics or not rows:
        return None
    cluster = Cluster(await pg.fetchval("SELECT cluster_id FROM installation"), topics)
    return cluster, {(topic, partition): shard for topic, partition, shard in rows}


async def _settings(pg: asyncpg.Connection) -> dict[str, str]:
    found: dict[str, str] = orjson.loads(await pg.fetchval("SELECT settings::text FROM installation"))
    return found
