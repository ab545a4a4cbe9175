"""What an installation remembers of its topics: how many partitions each has, and a shard for each it writes to."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import asyncpg

from infra.environment import variable
from infra.errors import SettingsError, WrongTopics
from infra.patient_keys import PatientKeys
from infra.postgres.locks import lock_installation
from schemas.topics import LISTNING_CLOCK, TOPICS

_REMEMBER = """
INSERT INTO topic (name, partitions) SELECT * FROM unnest($1::text[], $2::int[]) ON CONFLICT DO NOTHING
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
    if await pg.fetchval("SELECT key_fingerprint FROM installation") != keys.fingerprint:
        raise SettingsError(
            f"{variable('patient_key_secret')}: does not match the secret this database was first used with"
        )


async def register_topics(pg: asyncpg.Connection, found: Mapping[str, int]) -> dict[tuple[str, int], int]:
    """Remembers the topics at the first start, holds them against the memory ever after; returns the shards by topic
    and partition. `found`: partitions by topic, names of the contract. Raises WrongTopics."""
    missing = [topic.name for topic in TOPICS if topic.name not in found]
    if missing:
        raise WrongTopics(f"missing topics: {', '.join(missing)}; `fastlakare topics --create` makes them")
    async with pg.transaction():
        await lock_installation(pg)
        await pg.execute(_REMEMBER, list(found), list(found.values()))
        known = dict(await pg.fetch("SELECT name, partitions FROM topic"))
        for name, partitions in found.items():
            if known[name] != partitions:
                raise WrongTopics(
                    f"{name} has {partitions} partitions, the database remembers {known[name]}: keys would change their"
                    " places and patients lose their order. Bring the topic back to its number, or start a new"
                    " installation with an own topic prefix and database"
                )
        written = [
            (topic.name, partition)
            for topic in TOPICS
            if topic.direction == "out" or topic.name == LISTNING_CLOCK
            for partition in range(found[topic.name])
        ]
        await pg.execute(_SHARDS, [name for name, _ in written], [partition for _, partition in written])
        rows = await pg.fetch("SELECT topic, partition, shard FROM outbox_shard")
    return {(topic, partition): shard for topic, partition, shard in rows}
