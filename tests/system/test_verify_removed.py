"""`fastlakare verify` where a real broker has deleted and compacted: what it took is no difference."""

from __future__ import annotations

import asyncio
from itertools import cycle

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # it lists no names
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
)

from infra.kafka.log_reader import LogReader
from infra.kafka.ranges import RangeCounts, read_range
from infra.patient_keys import partition_of
from infra.settings import Settings
from tests.harness.installation import until
from tests.harness.records import CHANGES, DOCTOR, REPLY
from tests.harness.session import Session
from tests.harness.verified import execute, unverified, verified
from tests.harness.workload import AWAY, HOME, Workload
from tests.model.ids import patient_key
from tests.scenarios.schedule import Step

pytestmark = pytest.mark.system


def test_v5_replies_that_retention_took_are_not_missed_and_later_ones_are(session: Session) -> None:
    wave = Workload(2)
    wave.set_up(session)
    place = partition_of(HOME.encode(), session.installation.partitions)
    admin = AdminClient({"bootstrap.servers": session.installation.bootstrap})
    before = verified(session, "replies")["checks"]["replies"]["compared"]
    (deleted,) = admin.delete_records([TopicPartition(session.installation.prefix + REPLY, place, 2)]).values()
    deleted.result()
    after = verified(session, "replies")["checks"]["replies"]
    assert 0 < after["compared"] < before
    assert after["differences"] == 0
    execute(
        session,
        "INSERT INTO command SELECT sha256(convert_to('4/wave/late', 'UTF8')), partition, key, value,"
        f""" convert_to('[["ce_id", "reply/wave/late"]]', 'UTF8') FROM command WHERE partition = {place} LIMIT 1""",
        "INSERT INTO audit (at, what, reason, rule, source, message_id, topic, release, written_at) VALUES"
        " (now(), 'link-patient', 'done', 'C7', 'wave', 'late', 'listning.command.v1', '1', now() + interval '1 hour')",
    )
    what = "the command is answered, and its reply is not in the topic"
    assert unverified(session) == [("replies", "reply/wave/late", what)]


def compact(session: Session, topic: str) -> None:
    """Has the broker compact the topic as soon as it can."""
    wanted = {"segment.ms": "100", "min.cleanable.dirty.ratio": "0.001", "delete.retention.ms": "0"}
    entries = [ConfigEntry(*one, incremental_operation=AlterConfigOpType.SET) for one in wanted.items()]
    name = session.installation.prefix + topic
    resource = ConfigResource(ConfigResource.Type.TOPIC, name, incremental_configs=entries)
    admin = AdminClient({"bootstrap.servers": session.installation.bootstrap})
    for altered in admin.incremental_alter_configs([resource]).values():
        altered.result()


async def removed(session: Session, topic: str) -> int:
    """How many records compaction has taken."""
    reader = await LogReader.start(Settings(kafka_bootstrap_servers=session.installation.bootstrap))
    try:
        total = 0
        for tp, ends in (await reader.ends([session.installation.prefix + topic])).items():
            counts = RangeCounts(0, ends.stable)
            async for _ in read_range(reader, tp, counts):
                pass
            total += counts.removed
        return total
    finally:
        await reader.aclose()


def test_v4_there_is_no_false_alarm_where_compaction_was(session: Session) -> None:
    for topic in (CHANGES, DOCTOR):
        compact(session, topic)
    wave = Workload(12)
    wave.set_up(session)
    gone = wave.patients[0]
    session.step(Step([wave.sender.listing(gone, 99, patient_key(gone, "vardval"), protected=True)]))
    units = cycle((AWAY, HOME))

    def compacted() -> bool:
        session.step(Step([wave.listing(one, next(units)) for one in wave.patients[1:4]]))
        session.step(Step([wave.sender.command("distribute-patients", one, seed=1) for one in (HOME, AWAY)]))
        assert unverified(session) == []
        return all(asyncio.run(removed(session, topic)) > 0 for topic in (CHANGES, DOCTOR))

    until(compacted, 120, "compaction")
    assert unverified(session) == []
    execute(session, "UPDATE patient SET revision = revision + 1", "UPDATE roster SET revision = revision + 1")
    assert {"1177", "doctor", "audit"} <= {one[0] for one in unverified(session)}
