"""Holds one snapshot of the database against the output topics, read up to exactly where the snapshot stands, and
against the rules. Reads only (operations.md, Verify)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager

import asyncpg
from aiokafka import TopicPartition
from sqlalchemy.ext.asyncio import AsyncEngine

from infra import timing
from infra.errors import NotPublished
from infra.identity import agreed_settings
from infra.kafka.log_reader import LogReader
from infra.kafka.ranges import RangeCounts
from infra.kafka.tail import sequence_prefix
from infra.kafka.topics import read_cluster
from infra.postgres import migrations, outbox
from infra.postgres.connection import checkout, create_engine
from infra.postgres.installation import check_identity
from infra.postgres.verification import Snapshot, snapshot
from infra.settings import Settings
from workers.operations.verification.outputs import OutputPartition, read_output
from workers.operations.verification.report import Report, Result
from workers.operations.verification.shared import Shared
from workers.operations.verification.state import STATE_CHECKS, StateCheck
from workers.operations.verification.topics import TOPIC_CHECKS, TopicCheck

CHECKS = ("1177", "doctor", "links", "ceilings", "revisions", "sequences", "replies", "protected", "audit")

Tell = Callable[[str], None]


def _say_nothing(_: str) -> None:
    pass


async def verify_once(settings: Settings, only: Collection[str] = CHECKS, tell: Tell = _say_nothing) -> Report:
    """As `verify`, over connections of its own."""
    engine = create_engine(settings, pool_size=2, application_name="fastlakare verify")
    try:
        return await verify(settings, engine, only, tell)
    finally:
        await engine.dispose()


async def verify(
    settings: Settings, engine: AsyncEngine, only: Collection[str] = CHECKS, tell: Tell = _say_nothing
) -> Report:
    """What the checks of these names find; `tell` hears what is being done. Uses two connections of the engine.

    Raises NotPublished where the relay does not come so far in `timing.VERIFY_RELAY_SECONDS`, InstallationError and
    SettingsError where database, cluster and settings are not one installation, and what Kafka and the database raise.
    """
    cluster = await read_cluster(settings)
    async with checkout(engine, close=True) as pg:
        await migrations.check(pg)
        await check_identity(pg, agreed_settings(settings), cluster)
        async with snapshot(pg) as held:
            report = Report(held, {name: Result() for name in CHECKS if name in only})
            await _until_published(engine, held, only, tell)
            for name in [name for name in STATE_CHECKS if name in only]:
                tell(name)
                await _check_state(report, name, StateCheck(pg, held.day, settings.policy))
            async with _reader(settings) as reader:
                await _check_topics(report, settings, reader, pg, only, tell)
    return report


async def _check_state(report: Report, name: str, check: StateCheck) -> None:
    async for one in STATE_CHECKS[name](check):
        report.add([one])
    report.compared(name, check.compared)


async def _check_topics(
    report: Report, settings: Settings, reader: LogReader, pg: asyncpg.Connection, only: Collection[str], tell: Tell
) -> None:
    outputs = [one for one in report.snapshot.outputs if _checks_of(one.topic, only)]
    if not outputs:
        return
    prefix = sequence_prefix(report.snapshot.installation)
    counts: dict[str, int] = {}
    for output in report.snapshot.outputs:
        counts[output.topic] = counts.get(output.topic, 0) + 1
    shared = Shared(pg, counts)
    async with asyncio.timeout(timing.COMMAND_LAG_SECONDS):
        ends = await reader.ends({settings.topic(one.topic) for one in outputs})
    for output in outputs:
        tp = TopicPartition(settings.topic(output.topic), output.partition)
        partition = OutputPartition(output.topic, output.partition, output.last_seq, RangeCounts(0, ends[tp].stable))
        tell(partition.name)
        checks: dict[str, TopicCheck] = {
            name: TOPIC_CHECKS[name][1](shared, partition) for name in _checks_of(output.topic, only)
        }
        async for records in read_output(reader, tp, partition, prefix):
            for check in checks.values():
                for record in records:
                    check.hear(record)
        for name, check in checks.items():
            async for one in check.differences():
                report.add([one])
            report.compared(name, check.compared)


def _checks_of(topic: str, only: Collection[str]) -> list[str]:
    return [name for name, (of, _) in TOPIC_CHECKS.items() if name in only and of in (None, topic)]


async def _until_published(engine: AsyncEngine, held: Snapshot, only: Collection[str], tell: Tell) -> None:
    """Waits until readers see all that the snapshot holds."""
    wanted = {one.number: one for one in held.outputs if _checks_of(one.topic, only)}
    behind = [one for one in wanted.values() if one.published_seq < one.last_seq]
    deadline = time.monotonic() + timing.VERIFY_RELAY_SECONDS
    while behind:
        first = behind[0]
        where = f"{first.topic}/{first.partition} stands at {first.published_seq} of {first.last_seq}"
        tell(f"waiting for the relay: {where}")
        if time.monotonic() > deadline:
            raise NotPublished(
                f"the relay has not published what the database holds ({where}, {len(behind)} partitions behind):"
                " is `fastlakare run` running, and do readers see what it writes?"
            )
        await asyncio.sleep(timing.VERIFY_POLL_SECONDS)
        async with checkout(engine) as pg:
            now = {one.number: one.published_seq for one in await outbox.shards(pg)}
        behind = [
            one._replace(published_seq=now.get(number, 0))
            for number, one in wanted.items()
            if now.get(number, 0) < one.last_seq
        ]


@asynccontextmanager
async def _reader(settings: Settings) -> AsyncIterator[LogReader]:
    reader = await LogReader.start(settings)
    try:
        yield reader
    finally:
        await reader.aclose()
