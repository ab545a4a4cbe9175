"""What retention, a cut log or a damaged one does to a partition: it stops where records were lost, and only there."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka import KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.harness.installation import Installation, until
from tests.harness.invariants import query
from tests.harness.kafka import Kafka
from tests.harness.processes import peak_mb
from tests.harness.records import CLOCK, COMMAND, LISTING, REPLY, Record, Sender
from tests.harness.session import Session
from tests.harness.skipping import SKIP, audited, typed, went_on
from tests.harness.topics import WRITER, Topics
from tests.harness.workload import AWAY, DOCTORS, HOME, Workload
from tests.scenarios.schedule import Step
from tests.system.conftest import Opener

pytestmark = pytest.mark.system

MIB = 1024 * 1024


@pytest.fixture
def sender() -> Sender:
    return Sender(datetime(2025, 5, 26, 8, tzinfo=UTC))


def command(sender: Sender) -> Record:
    """A command that is refused, and answered so; all are of one partition."""
    return sender.command("pause-doctor", HOME, doctor_hsa_id=DOCTORS[0])


def answered(session: Session) -> int:
    return sum(one.topic == REPLY for one in session.topics.collect())


def in_transaction(session: Session, records: list[Record], *, commit: bool = True) -> None:
    """As an upstream that sends in transactions: a marker follows the records."""
    topics = session.topics
    producer = Producer(WRITER | {"bootstrap.servers": topics.bootstrap, "transactional.id": f"{topics.prefix}up"})
    producer.init_transactions(30)
    producer.begin_transaction()
    for record in records:
        producer.produce(topics.prefix + record.topic, record.value, record.key, headers=list(record.headers))
    producer.flush(30)
    (producer.commit_transaction if commit else producer.abort_transaction)(30)


def delete_all(session: Session, bare: str) -> None:
    """As retention does in the end: nothing is left in the topic, the markers included."""
    admin = AdminClient({"bootstrap.servers": session.installation.bootstrap})
    topic = session.installation.prefix + bare
    count = len(admin.list_topics(topic, 10).topics[topic].partitions)

    def deleted() -> bool:
        try:
            done = admin.delete_records([TopicPartition(topic, number, -1) for number in range(count)])
            return all(one.result(30) is not None for one in done.values())
        except KafkaException:
            return False

    until(deleted, 30, "the topic to be emptied")


def test_a_marker_that_retention_took_stops_nothing(session: Session, sender: Sender) -> None:
    """The next offset was the marker's: all before it is handled, and nothing is missing."""
    session.step(Step([sender.day("2025-05-26")]))
    in_transaction(session, [command(sender) for _ in range(3)])
    session.installation.settle()
    in_transaction(session, [command(sender)], commit=False)
    moved_past_markers(session, COMMAND, 6)  # 3 records, a marker, an aborted record, a marker
    session.installation.leave(0)
    delete_all(session, COMMAND)
    session.installation.start(1)
    session.step(Step([command(sender)]))
    assert answered(session) == 4


def moved_past_markers(session: Session, bare: str, offset: int) -> None:
    """Waits until the installation has noted that it is through a partition with all it holds."""
    said = f"SELECT coalesce(max(next_offset), 0) FROM consumer_offset WHERE topic = '{bare}'"
    until(lambda: query(session.installation.database_url, said)[0][0] >= offset, 30, "the markers to be passed")


def test_the_clock_goes_on_when_retention_has_emptied_its_topic(opened: Opener) -> None:
    """The relay writes it in transactions; an installation that was away for thirty days finds nothing there."""
    session = opened(1, OWN_CLOCK="true")
    session.installation.settle()
    moved_past_markers(session, CLOCK, 2)
    session.installation.leave(0)
    delete_all(session, CLOCK)
    session.installation.start(1)
    session.installation.settle()
    until(lambda: session.installation.processes[0].ready()[0] == 200, 30, "readiness")


def test_a_command_that_was_deleted_before_it_was_handled_stops_its_partition(session: Session, sender: Sender) -> None:
    session.step(Step([sender.day("2025-05-26"), command(sender)]))
    session.installation.leave(0)
    in_transaction(session, [command(sender)])
    delete_all(session, COMMAND)
    session.installation.start(1)
    process = session.installation.processes[0]
    until(lambda: "was deleted from the topic" in str(process.ready()[1]), 30, "readiness to tell")
    assert answered(session) == 1
    place = next(one for one in process.ready()[1] if "was deleted" in one).partition(":")[0]
    refused = session.installation.run(*typed(SKIP, place), "--json")
    assert (refused.status, len(refused.json()["held_by"])) == (1, 1), "while a process holds it"
    assert "stop every process" in refused.json()["refused"]
    assert audited(session) == []
    session.installation.leave(0)
    went_on(session, place, "deleted", {"from": 1, "to": 3})  # a record, and the marker of its transaction
    session.installation.start(1)
    session.step(Step([command(sender)]))
    assert answered(session) == 2


@pytest.fixture
def broker(kafka_jars: None, tmp_path: Path) -> Iterator[Kafka]:
    """A broker of the test's own, whose disk it may touch."""
    broker = Kafka(tmp_path / "node", {"log.flush.interval.messages": "1"})
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def own_session(broker: Kafka, migrated_url: str, topic_prefix: str, tmp_path: Path) -> Iterator[Session]:
    """An installation on that broker."""
    installation = Installation(broker.bootstrap, migrated_url, topic_prefix, tmp_path)
    installation.prepare(migrate=False)
    installation.start(1)
    yield Session(installation, Topics(broker.bootstrap, topic_prefix))
    installation.stop()


@contextmanager
def broker_down(session: Session, broker: Kafka) -> Iterator[Path]:
    """The broker's data while neither it nor the service runs."""
    session.installation.leave(0)
    broker.stop()
    yield broker.folder / "data"
    broker.start()
    session.installation.start(1)


def test_a_log_that_was_restored_and_has_grown_past_the_offset_stops_its_partition_and_no_other(
    own_session: Session, broker: Kafka, sender: Sender, tmp_path: Path
) -> None:
    """Cluster and topic are the same, and the offset lies within the log; only the records are others."""
    session, backup = own_session, tmp_path / "backup"
    session.step(Step([sender.day("2025-05-26"), command(sender)]))
    with broker_down(session, broker) as data:
        shutil.copytree(data, backup)
    session.step(Step([command(sender), command(sender)]))
    session.installation.leave(0)
    broker.stop()
    shutil.rmtree(broker.folder / "data")
    shutil.copytree(backup, broker.folder / "data")
    broker.start()
    topics = Topics(broker.bootstrap, session.installation.prefix)
    topics.publish([command(sender) for _ in range(4)])
    session.installation.start(1)
    process = session.installation.processes[0]
    until(lambda: "it was cut back and has grown again" in str(process.ready()[1]), 30, "readiness to tell")
    (reason,) = [one for one in process.ready()[1] if "cut back" in one]
    assert reason.startswith(f"{COMMAND}/")
    wave = Workload(8)
    topics.publish([wave.listing(patient, HOME) for patient in wave.patients])
    until(lambda: session.installation.lag()["inputs"][LISTING] == 0, 30, "the others to go on")
    session.installation.leave(0)
    went_on(session, reason.partition(":")[0], "another_log", None)
    session.installation.start(1)
    session.installation.settle()
    until(lambda: session.installation.processes[0].ready()[0] == 200, 30, "readiness")


def test_a_damaged_partition_is_named_and_waits_while_the_others_go_on(own_session: Session, broker: Kafka) -> None:
    session, wave = own_session, Workload(40)
    session.step(Step([wave.sender.day("2025-05-26")]))
    session.installation.leave(0)
    sent = [wave.listing(patient, HOME) for patient in wave.patients]
    session.topics.publish(sent)
    before_damage = end_of(session, LISTING, 2)
    broker.stop()
    for segment in (broker.folder / "data").glob(f"{session.installation.prefix}{LISTING}-2/*.log"):
        damaged = bytearray(segment.read_bytes())
        damaged[-1] ^= 1
        segment.write_bytes(damaged)
    broker.start()
    session.installation.start(1)
    one_partition_waits(session, wave, LISTING, 2, "CorruptRecordException")
    (first,) = re.findall(r"cannot be read from offset (\d+) on", str(session.installation.processes[0].ready()[1]))
    session.installation.leave(0)
    went_on(session, f"{LISTING}/2", "unreadable", {"from": int(first), "to": before_damage})
    session.installation.start(1)
    until(lambda: handled(session, LISTING) == {0, 1, 2, 3}, 30, "what stands behind it to be handled")


def test_a_record_set_that_unpacks_to_a_gigabyte_makes_its_partition_wait_and_no_other(session: Session) -> None:
    """And not the process that has it be killed, and the next one, and so on."""
    wave = Workload(40)
    session.step(Step([wave.sender.day("2025-05-26")]))
    asyncio.run(send_bomb(session, 2, 1024))
    session.topics.publish([wave.listing(patient, HOME) for patient in wave.patients])
    one_partition_waits(session, wave, LISTING, 2, "more than 32 MiB")
    assert peak_mb(session.installation.processes[0].popen.pid) < 400


def test_record_sets_that_unpack_far_are_handled_a_few_at_a_time(session: Session) -> None:
    """Each of them may be read; all that one answer of the broker's holds would be gigabytes."""
    session.step(Step([Workload(1).sender.day("2025-05-26")]))
    session.installation.leave(0)
    for _ in range(12):
        asyncio.run(send_bomb(session, 2, 30))
    session.installation.start(1)
    until(lambda: handled(session, LISTING) >= {0, 1, 2, 3}, 60, "all to be handled")
    assert peak_mb(session.installation.processes[0].popen.pid) < 300


async def send_bomb(session: Session, partition: int, mebibytes: int) -> None:
    topics = session.topics
    producer = AIOKafkaProducer(bootstrap_servers=topics.bootstrap, compression_type="zstd", max_batch_size=2**31 - 1)
    await producer.start()
    batch = producer.create_batch()
    for _ in range(mebibytes):
        batch.append(timestamp=None, key=b"k", value=bytes(MIB), headers=[])
    await (await producer.send_batch(batch, topics.prefix + LISTING, partition=partition))
    await producer.stop()


def one_partition_waits(session: Session, wave: Workload, bare: str, partition: int, why: str) -> None:
    """Readiness names it with the reason; what came and comes to the others is handled."""
    installation = session.installation
    process = installation.processes[0]
    name = f"{bare}/{partition}/reading: "
    until(lambda: any(one.startswith(name) and why in one for one in process.ready()[1]), 30, "readiness to name it")
    until(lambda: handled(session, bare) >= {0, 1, 3}, 30, "the others to be handled")
    session.topics.publish([wave.listing(patient, AWAY) for patient in wave.patients])
    until(lambda: handled(session, bare) >= {0, 1, 3}, 5, "the others to go on")
    assert [one for one in process.ready()[1] if not one.startswith((name, "lag: "))] == []


def end_of(session: Session, bare: str, partition: int) -> int:
    """Where the next record of the partition will stand."""
    topic = TopicPartition(session.installation.prefix + bare, partition)
    end: int = session.topics.consumer.get_watermark_offsets(topic, timeout=10)[1]
    return end


def handled(session: Session, bare: str) -> set[int]:
    """The partitions of which every record is handled."""
    at = query(
        session.installation.database_url, f"SELECT partition, next_offset FROM consumer_offset WHERE topic = '{bare}'"
    )
    return {partition for partition, offset in at if offset >= end_of(session, bare, partition)}
