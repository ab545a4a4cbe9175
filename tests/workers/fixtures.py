"""What the workers share, on a database of the test's own, and records to give them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import orjson

from infra.events import EventBuilder
from infra.patient_keys import PatientKeys
from infra.postgres import installation
from infra.postgres.connection import connect, create_engine
from infra.postgres.reference_data import Directory
from infra.settings import Settings
from schemas.topics import LISTNING_CLOCK, TOPICS
from workers.handoff import Handoff
from workers.health import Health
from workers.runtime import Runtime

SECRET = "0123456789abcdef0123456789abcdef"
COUNTS = {topic.name: 1 if topic.name == LISTNING_CLOCK else 2 for topic in TOPICS}
NOON_MS = 1_779_796_800_000  # 2026-05-26T12:00:00Z


@dataclass(frozen=True)
class Rec:
    """A record as a Kafka client gives it."""

    topic: str
    partition: int
    offset: int
    value: bytes | None = None
    key: bytes | None = b"k"
    headers: list[tuple[str, bytes | None]] = field(default_factory=list)
    timestamp: int = NOON_MS


def message(
    topic: str, offset: int, type_: str, data: Mapping[str, Any], *, partition: int = 0, key: bytes = b"k"
) -> Rec:
    """A message in structured mode; its id is the offset."""
    envelope = {"specversion": "1.0", "id": f"{partition}/{offset}", "source": "test", "time": "2026-05-26T12:00:00Z"}
    return Rec(topic, partition, offset, orjson.dumps({**envelope, "type": type_, "data": data}), key)


@asynccontextmanager
async def parts(url: str, **settings: Any) -> AsyncIterator[tuple[Runtime, asyncpg.Connection]]:
    """The parts, and a connection to look with."""
    made = Settings(database_url=url, patient_key_secret=SECRET, partitions=2, **settings)
    engine = create_engine(made, pool_size=4)
    pg = await connect(url)
    shards = await installation.ensure(pg, COUNTS)
    keys, events = PatientKeys(SECRET.encode(), 2), EventBuilder("fastlakare", COUNTS)
    yield Runtime(made, engine, Directory(), keys, events, shards, Handoff(), Health()), pg
    await pg.close()
    await engine.dispose()
