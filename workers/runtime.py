"""What every worker of a process shares, made when the database and the cluster answer and are as they should be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_random_exponential

from infra import timing
from infra.error_kinds import is_transient
from infra.events import EventBuilder
from infra.foreign_errors import explain
from infra.identity import Cluster, agreed_settings
from infra.kafka.topic_comparison import Drift, compare_topics
from infra.kafka.topics import read_cluster
from infra.logs import log
from infra.patient_keys import PatientKeys
from infra.postgres import installation, migrations
from infra.postgres.connection import checkout
from infra.postgres.outbox import MAX_RECORD_BYTES
from infra.postgres.reference_data import ReferenceData
from infra.provenance import Provenance
from infra.settings import Settings
from schemas.topics import FAST_LAKARKONTAKT, TOPICS
from workers.handoff import Handoff
from workers.health import Health

T = TypeVar("T")


@dataclass(slots=True, frozen=True)
class Limits:
    """How many patients one transaction may hold: memory stays flat."""

    #: of a batch; one that needs more is halved
    of_batch: int = 60_000
    #: of a single record, which cannot be halved: several of the largest units in one
    of_record: int = 500_000
    #: of a chunk of those for whom the day has caused something (T4)
    of_chunk: int = 5_000


@dataclass(slots=True, frozen=True)
class Runtime:
    """Made once, when the process starts. `shards` of the outbox by topic (the contract's name) and partition;
    `max_record_bytes` is the largest record that each topic took then."""

    settings: Settings
    engine: AsyncEngine
    reference_data: ReferenceData
    keys: PatientKeys
    events: EventBuilder
    shards: Mapping[tuple[str, int], int]
    handoff: Handoff
    health: Health
    limits: Limits = Limits()
    max_record_bytes: Mapping[str, int] = field(default_factory=lambda: MAX_RECORD_BYTES)
    #: of the run that works with it; None for the service itself
    provenance: Provenance | None = None


async def start(settings: Settings, engine: AsyncEngine, health: Health, http: asyncio.Task[None]) -> Runtime:
    """Waits for the database and the cluster for as long as they are away, or `http` ends. Raises InstallationError or
    SettingsError where they are not as they should be."""
    await _wait_for("database", health, partial(_check_schema, engine, settings), http)
    cluster = await _wait_for("Kafka", health, partial(read_cluster, settings), http)
    shards = await _wait_for("database", health, partial(_register, engine, settings, cluster), http)
    runtime = _make(settings, engine, health, cluster, shards)
    await _wait_for("database", health, partial(_check_patient_key, engine, runtime.keys), http)
    return replace(runtime, max_record_bytes=_max_record_bytes(settings, await _compare_topics(settings)))


def _make(
    settings: Settings, engine: AsyncEngine, health: Health, cluster: Cluster, shards: Mapping[tuple[str, int], int]
) -> Runtime:
    counts = {name: topic.partitions for name, topic in cluster.topics.items()}
    keys = PatientKeys(settings.patient_key_secret.get_secret_value().encode(), counts[FAST_LAKARKONTAKT])
    events = EventBuilder(settings.source, counts)
    return Runtime(settings, engine, ReferenceData(), keys, events, shards, Handoff(), health)


async def recall(settings: Settings, engine: AsyncEngine) -> Runtime:
    """The same for an operator's command, of an installation that has started before: waits for nobody, and writes
    nothing. Raises InstallationError, SettingsError, and what Kafka and the database raise."""
    async with checkout(engine) as pg:
        await migrations.check(pg)
        cluster = await read_cluster(settings)
        shards = await installation.recall(pg, agreed_settings(settings), cluster)
        runtime = _make(settings, engine, Health(), cluster, shards)
        await installation.require_patient_key(pg, runtime.keys)
    return replace(runtime, max_record_bytes=_max_record_bytes(settings, await _compare_topics(settings)))


async def remembered(settings: Settings, engine: AsyncEngine) -> Runtime | None:
    """The same without Kafka, for what only judges: topics are as the database remembers them. None for an installation
    that has never started. Raises InstallationError, SettingsError, and what the database raises."""
    async with checkout(engine) as pg:
        await migrations.check(pg)
        known = await installation.remembered(pg, agreed_settings(settings))
        if known is None:
            return None
        runtime = _make(settings, engine, Health(), *known)
        await installation.require_patient_key(pg, runtime.keys)
    return runtime


async def _wait_for(component: str, health: Health, step: Callable[[], Awaitable[T]], http: asyncio.Task[None]) -> T:
    """Waits and says so for as long as the database or the broker is away."""
    waited = False

    def report(state: RetryCallState) -> None:
        nonlocal waited
        error = state.outcome.exception() if state.outcome else None
        why = (error and (explain(error) or type(error).__name__)) or "unknown"
        log.warning("waiting for dependency", component=component, why=why)
        health.report(component, why)
        waited = True

    retrying = AsyncRetrying(
        retry=retry_if_exception(lambda error: is_transient(error) and not http.done()),
        wait=wait_random_exponential(*timing.START_RETRY),
        before_sleep=report,
        reraise=True,
    )
    health.report(component, "not reached yet")
    result: T = await retrying(step)
    health.report(component, None)
    if waited:
        log.info("reachable again", component=component)
    return result


async def _check_schema(engine: AsyncEngine, settings: Settings) -> None:
    async with checkout(engine) as pg:
        await migrations.check(pg)
        await installation.check_settings(pg, agreed_settings(settings))


async def _register(engine: AsyncEngine, settings: Settings, cluster: Cluster) -> dict[tuple[str, int], int]:
    async with checkout(engine) as pg:
        return await installation.register(pg, agreed_settings(settings), cluster)


async def _check_patient_key(engine: AsyncEngine, keys: PatientKeys) -> None:
    async with checkout(engine) as pg:
        await installation.check_patient_key(pg, keys)


async def _compare_topics(settings: Settings) -> list[Drift]:
    """Logs what differs from the contract (contract.md, Topics); stops for nothing, for a topic can be fixed while
    the service runs."""
    try:
        async with asyncio.timeout(timing.TOPICS_COMPARE_SECONDS):
            compared = await compare_topics(settings)
    except Exception as error:  # noqa: BLE001  # whatever it is: what cannot be compared can still be served
        log.warning("topics not compared", why=explain(error) or type(error).__name__)
        return []
    for drift in compared.differences:
        log.warning("topic differs", topic=drift.name, what=drift.what, wanted=drift.wanted, found=drift.found)
    return compared.differences


def _max_record_bytes(settings: Settings, differences: Iterable[Drift]) -> dict[str, int]:
    """By topic of the contract. One that takes less than it should refuses the record that causes a larger event, where
    the relay would stop for all at Kafka's refusal; a dead letter is made to fit what its topic takes."""
    found = {drift.name: int(drift.found or 0) for drift in differences if drift.what == "max.message.bytes"}
    return {
        topic.name: replace(topic, max_message_bytes=found[name]).max_record_bytes
        if (name := settings.topic(topic.name)) in found
        else topic.max_record_bytes
        for topic in TOPICS
    }
