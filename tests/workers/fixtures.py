"""What the workers share, on a database of the test's own, and records to give them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import asyncpg
import orjson
from pydantic import SecretStr

from infra.events import EventBuilder
from infra.identity import Cluster, Topic, agreed_settings
from infra.patient_keys import PatientKeys
from infra.postgres import installation
from infra.postgres.connection import connect, create_engine
from infra.postgres.offsets import Position, take_ownership
from infra.postgres.reference_data import ReferenceData
from infra.settings import Settings
from schemas.topics import LISTNING_CLOCK, TOPICS
from tests.harness.consumer_record import ConsumerRecord
from tests.harness.faulty_proxy import FaultyProxy
from workers.handoff import Handoff
from workers.health import Health
from workers.pipeline.assignment import Assignment
from workers.pipeline.in_flight import InFlight
from workers.pipeline.route import Processor
from workers.routes import ROUTES
from workers.runtime import Runtime
from workers.service import make_processor

SECRET = "0123456789abcdef0123456789abcdef"
COUNTS = {topic.name: 1 if topic.name == LISTNING_CLOCK else 2 for topic in TOPICS}
CLUSTER = Cluster(None, {name: Topic(partitions) for name, partitions in COUNTS.items()})


def message(
    topic: str, offset: int, type_: str, data: Mapping[str, Any], *, partition: int = 0, key: bytes = b"k"
) -> ConsumerRecord:
    """A message in structured mode; its id is the offset."""
    envelope = {"specversion": "1.0", "id": f"{partition}/{offset}", "source": "test", "time": "2026-05-26T12:00:00Z"}
    return ConsumerRecord(topic, partition, offset, orjson.dumps({**envelope, "type": type_, "data": data}), key)


class Rig(NamedTuple):
    """What workers run on, and a connection to look with."""

    runtime: Runtime
    pg: asyncpg.Connection


class Worker:
    """A worker of `workers/routes.py` that has been assigned partitions."""

    def __init__(self, processor: Processor, positions: Mapping[int, Position]) -> None:
        self.processor = processor
        route = processor.route
        self.assignment = Assignment(route.topic, 1, dict(positions), InFlight(route.in_flight))

    async def handle(self, records: Sequence[ConsumerRecord]) -> None:
        """As the subscription hands them over."""
        await self.processor.process(self.assignment, records)

    async def drained(self) -> None:
        """Returns when nothing is in flight any more."""
        await self.assignment.in_flight.drained()

    @property
    def positions(self) -> dict[int, Position]:
        """Where the worker stands in each partition."""
        return self.assignment.positions

    @property
    def busy(self) -> frozenset[int]:
        """The partitions of which no further record may come now."""
        return self.processor.busy(self.assignment)


async def worker(rig: Rig, name: str, partitions: Iterable[int] = (0, 1), **changes: Any) -> Worker:
    """The worker of that name, which has these partitions; `changes` are made to its route."""
    route = replace(ROUTES[name], **changes)
    positions = await take_ownership(rig.pg, route.topic, dict.fromkeys(partitions, 0))
    return Worker(make_processor(route, rig.runtime), positions)


@asynccontextmanager
async def proxied(rig: Rig) -> AsyncIterator[tuple[Rig, FaultyProxy]]:
    """The rig with its workers' connections to the database running through a proxy."""
    settings, proxy = rig.runtime.settings, FaultyProxy()
    url = urlsplit(settings.database_url.get_secret_value())
    assert url.port is not None
    proxy.open(url.port)
    behind = url._replace(netloc=url.netloc.replace(f":{url.port}", f":{proxy.port}")).geturl()
    engine = create_engine(settings.model_copy(update={"database_url": SecretStr(behind)}), pool_size=4)
    try:
        yield Rig(replace(rig.runtime, engine=engine), rig.pg), proxy
    finally:
        await engine.dispose()
        proxy.close()


@asynccontextmanager
async def rig_on(url: str, **changes: Any) -> AsyncIterator[Rig]:
    """A runtime on that database; `changes` are made to its settings."""
    settings = Settings(database_url=url, patient_key_secret=SECRET, partitions=2, **changes)
    engine = create_engine(settings, pool_size=4)
    pg = await connect(url)
    shards = await installation.register(pg, agreed_settings(settings), CLUSTER)
    keys, events = PatientKeys(SECRET.encode(), 2), EventBuilder("fastlakare", COUNTS)
    yield Rig(Runtime(settings, engine, ReferenceData(), keys, events, shards, Handoff(), Health()), pg)
    await pg.close()
    await engine.dispose()
