"""Starts that cannot go well: the sentence says what to do; and a partition whose records are gone stops loudly."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions  # type: ignore[attr-defined]

from infra.embedded.ports import free_port
from tests.harness.installation import Installation, until
from tests.harness.records import LISTING, header
from tests.harness.session import Session
from tests.harness.workload import AWAY, HOME, Workload

SET = AlterConfigOpType.SET
pytestmark = pytest.mark.system


@pytest.fixture
def installation(kafka: Any, migrated_url: str, topic_prefix: str, tmp_path: Path) -> Any:
    fresh = Installation(kafka.bootstrap, migrated_url, topic_prefix, tmp_path)
    yield fresh
    fresh.stop()


def final_stderr(installation: Installation, status: int) -> str:
    """What a process says that ends by itself with that status."""
    process = installation.launch()
    assert process.popen.wait(60) == status, process.output()
    installation.processes.remove(process)
    return process.output()


def leave_when_started(installation: Installation) -> None:
    """Stops the one process; told to stop before it has begun, it would have remembered neither topics nor secret."""
    process = installation.processes[0]
    until(lambda: '"event":"started"' in process.output(), 60, "the workers to begin")
    installation.leave(0)


def test_missing_topics_stop_the_start_and_say_which_command_makes_them(installation: Installation) -> None:
    message = final_stderr(installation, 3)
    assert "kiv.staff.v1" in message
    assert "fastlakare topics --create" in message
    assert "Traceback" not in message


def test_another_partition_count_than_remembered_stops_the_start(installation: Installation, session: Session) -> None:
    admin = AdminClient({"bootstrap.servers": installation.bootstrap})
    leave_when_started(session.installation)
    topic = f"{installation.prefix}{LISTING}"
    admin.create_partitions([NewPartitions(topic, 7)])[topic].result(30)
    until(lambda: len(admin.list_topics(topic, 10).topics[topic].partitions) == 7, 30, "seven partitions")
    message = final_stderr(session.installation, 3)
    assert f"{LISTING} has 7 partitions, the database remembers 4" in message
    assert "Bring the topic back" in message
    assert "Traceback" not in message


@pytest.mark.parametrize(("name", "value"), [("PARTITIONS", "many"), ("NO_SUCH_THING", "1"), ("HTTP_PORT", "70000")])
def test_a_wrong_setting_stops_the_start_with_its_name(installation: Installation, name: str, value: str) -> None:
    installation.extra = {name: value}
    message = final_stderr(installation, 2)
    assert f"FASTLAKARE_{name}" in message
    assert "Traceback" not in message


def test_another_secret_than_the_first_starts_stops_the_start(installation: Installation, session: Session) -> None:
    """Patients would get other keys, and nobody who is protected would be known by theirs."""
    leave_when_started(session.installation)
    session.installation.extra = {"PATIENT_KEY_SECRET": "another secret, of more than 32 bytes"}
    message = final_stderr(session.installation, 2)
    assert "FASTLAKARE_PATIENT_KEY_SECRET: does not match the secret" in message
    assert "another secret" not in message
    session.installation.extra = {}
    session.installation.start(1)
    session.installation.settle()


def test_a_port_that_is_taken_stops_the_start_as_any_wrong_setting(installation: Installation) -> None:
    installation.prepare(migrate=False)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        installation.extra = {"HTTP_PORT": str(listener.getsockname()[1])}
        message = final_stderr(installation, 2)
    assert "FASTLAKARE_HTTP_PORT: cannot listen there" in message
    assert "Traceback" not in message


def alter(installation: Installation, bare: str, settings: dict[str, str]) -> str:
    """Another setting of a topic than was asked for; returns the topic's name."""
    topic = f"{installation.prefix}{bare}"
    changes = [ConfigEntry(name, value, incremental_operation=SET) for name, value in settings.items()]
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=changes)
    admin = AdminClient({"bootstrap.servers": installation.bootstrap})  # kept until all has been answered
    for done in admin.incremental_alter_configs([resource]).values():
        done.result(30)
    return topic


def test_topics_that_differ_from_the_contract_are_told_and_stop_nothing(installation: Installation) -> None:
    installation.prepare(migrate=False)
    topic = alter(
        installation, "1177.fast-lakarkontakt.v1", {"delete.retention.ms": "86400000", "max.message.bytes": "1048588"}
    )
    installation.start(1)
    process = installation.processes[0]
    until(lambda: '"event":"started"' in process.output(), 60, "the workers to begin")
    told = [json.loads(line) for line in process.output().splitlines() if '"topic differs"' in line]
    assert {(one["topic"], one["what"], one["wanted"], one["found"], one["level"]) for one in told} == {
        (topic, "delete.retention.ms", "2592000000", "86400000", "warning"),
        (topic, "max.message.bytes", "1114112", "1048588", "warning"),
    }
    installation.leave(0)


def test_a_reply_that_its_topic_was_made_too_small_for_stops_nobody_else(session: Session) -> None:
    wave, installation = Workload(1), session.installation
    for step in wave.opening():
        session.step(step)
    installation.leave(0)
    alter(installation, "listning.reply.v1", {"max.message.bytes": "600000"})
    installation.start(1)
    row = {"patient_id": wave.patients[0], "unit_hsa_id": AWAY, "doctor_hsa_id": "SE2321000131-E000000007620"}
    rows = [[row | {"row": part * 2000 + number} for number in range(2000)] for part in range(4)]
    parts = [
        wave.sender.command("import-links", HOME, import_id="large", part=part, parts=4, rows=some)
        for part, some in enumerate(rows, start=1)
    ]
    small = wave.sender.command("pause-doctor", AWAY, doctor_hsa_id="SE2321000131-E000000007620")
    session.topics.publish([*parts, small])
    installation.settle()
    heard = session.topics.collect()
    (letter,) = [one for one in heard if one.topic == "listning.command.v1.dlq"]
    assert header(letter.headers, "dlq_code") == "handler_failed"
    assert "EventTooLarge" in (header(letter.headers, "dlq_detail") or "")
    replies = [json.loads(one.value or b"") for one in heard if one.topic == "listning.reply.v1"]
    assert [one["outcome"] for one in replies if one["command_type"] == "pause-doctor"] == ["accepted"]
    assert [one for one in replies if one["command_type"] == "import-links"] == []


def test_a_dead_letter_topic_that_was_made_too_small_takes_the_place_of_the_record(session: Session) -> None:
    """Kafka would refuse the copy for ever, and everything that is published after it."""
    wave, installation = Workload(1), session.installation
    for step in wave.opening():
        session.step(step)
    installation.leave(0)
    alter(installation, "vardval.listing.v1.dlq", {"max.message.bytes": "300000"})
    installation.start(1)
    unreadable = replace(wave.listing(wave.patients[0], HOME), value=b"[" * 400_000)
    session.topics.publish([unreadable, wave.listing(wave.patients[0], AWAY)])
    installation.settle()
    heard = session.topics.collect()
    (letter,) = [one for one in heard if one.topic == "vardval.listing.v1.dlq"]
    assert letter.value is None
    assert "too large to copy" in (header(letter.headers, "dlq_detail") or "")


def test_a_process_that_still_waits_for_kafka_ends_in_order_when_told_to(installation: Installation) -> None:
    installation.bootstrap = f"127.0.0.1:{free_port()}"
    process = installation.launch()
    until(lambda: "waiting" in process.output() and process.find_address(), 30, "a process that says it waits")
    status, reasons = process.ready()
    assert (status, reasons[0].startswith("Kafka: ")) == (503, True), reasons
    installation.leave(0)
    assert "Traceback" not in process.output()


def test_a_partition_whose_next_record_retention_removed_stops_loudly_and_alone(session: Session) -> None:
    wave, installation = Workload(40), session.installation
    wave.set_up(session)
    installation.leave(0)
    admin = AdminClient({"bootstrap.servers": installation.bootstrap})
    topic, policy = (
        f"{installation.prefix}{LISTING}",
        ConfigEntry("cleanup.policy", "compact,delete", incremental_operation=SET),
    )
    session.topics.publish(wave.stream(2))
    admin.incremental_alter_configs([ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[policy])])
    # a compacted one deletes nothing
    deleted_up_to = TopicPartition(topic, 2, -1)

    def deleted() -> bool:
        try:
            (done,) = admin.delete_records([deleted_up_to]).values()
            return done.result(30) is not None
        except KafkaException:
            return False

    until(deleted, 30, "the records of one partition deleted")
    installation.start(1)
    process = installation.processes[0]
    until(lambda: process.ready()[0] == 503 and f"{LISTING}/2" in str(process.ready()[1]), 60, "readyz names it")
    (reason,) = [one for one in process.ready()[1] if one.startswith(f"{LISTING}/2:")]
    assert "stopped" in reason
    assert "was deleted from the topic" in reason
    command = wave.sender.command("pause-doctor", HOME, doctor_hsa_id="SE2321000131-E000000007620")
    session.topics.publish([command])
    until(lambda: [one for one in session.topics.collect() if (command.headers[1][1] or b"").decode()
                   in str(one.headers)], 30, "other partitions' answers")  # fmt: skip
    inputs = installation.lag()["inputs"]
    assert {topic: left for topic, left in inputs.items() if topic != LISTING and left} == {}
    assert session.leaks(wave.patients) == []
