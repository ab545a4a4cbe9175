"""A database belongs to one cluster, to the topics that it has read, and to the settings it was first used with."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from tests.harness.installation import Installation, Process, until
from tests.harness.postgres import execute
from tests.harness.records import COMMAND, REPLY, Record, Sender, header
from tests.harness.session import Session
from tests.harness.workload import DOCTORS, HOME
from tests.scenarios.schedule import Step

pytestmark = pytest.mark.system

PAGE = (Path(__file__).parents[2] / "docs/operating.md").read_text(encoding="utf-8")
#: what the page tells operators to type: for another cluster, and for a topic made anew
FOR_A_CLUSTER, FOR_A_TOPIC = re.findall(r"^ *(BEGIN;\n.*?consumer_offset.*?COMMIT;)$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def sender() -> Sender:
    return Sender(datetime(2025, 5, 26, 8, tzinfo=UTC))


def commands(sender: Sender, count: int) -> list[Record]:
    """Commands that are refused, and answered so; all of one partition."""
    return [sender.command("pause-doctor", HOME, doctor_hsa_id=DOCTORS[0]) for _ in range(count)]


def replies(session: Session) -> set[str | None]:
    """The ids of the commands that were answered."""
    return {header(one.headers, "ce_id") for one in session.topics.collect() if one.topic == REPLY}


def ids(records: Sequence[Record]) -> set[str]:
    """The ids of the replies to the commands."""
    return {f"reply/oracle/{header(one.headers, 'ce_id')}" for one in records}


def make_anew(installation: Installation, bare: str) -> None:
    """Deletes the topic, and creates it under the same name."""
    admin = AdminClient({"bootstrap.servers": installation.bootstrap})
    topic = installation.prefix + bare
    admin.delete_topics([topic])[topic].result(30)
    until(lambda: topic not in admin.list_topics(timeout=10).topics, 30, "the topic to be gone")
    admin.create_topics([NewTopic(topic, installation.partitions)])[topic].result(30)
    until(lambda: topic in admin.list_topics(timeout=10).topics, 30, "the topic to be there")


def refused(installation: Installation, status: int) -> str:
    """What a process says whose start is refused with that status."""
    process = installation.launch()
    assert process.popen.wait(60) == status, process.output()
    installation.processes.remove(process)
    assert "Traceback" not in process.output()
    return process.output()


def test_a_topic_made_anew_and_filled_past_the_old_offset_stops_the_start_and_is_read_whole_when_that_is_meant(
    session: Session, sender: Sender
) -> None:
    """At its old offset the new topic would be read from its middle, and the commands before it have no reply."""
    installation = session.installation
    session.step(Step([sender.day("2025-05-26"), *commands(sender, 3)]))
    installation.leave(0)
    make_anew(installation, COMMAND)
    new = commands(sender, 8)
    session.topics.publish(new)
    said = refused(installation, 3)
    assert f"{COMMAND} was made anew: its id is " in said
    assert "see docs/operating.md, 'Another cluster, or a topic made anew'" in said
    execute(installation.database_url, FOR_A_TOPIC.replace("<topic without prefix>", COMMAND))
    installation.start(1)
    installation.settle()
    assert ids(new) <= replies(session)


def test_a_topic_made_anew_under_a_running_process_is_not_read_from_its_middle(
    session: Session, sender: Sender
) -> None:
    installation = session.installation
    session.step(Step([sender.day("2025-05-26"), *commands(sender, 3)]))
    process = installation.processes[0]
    make_anew(installation, COMMAND)
    session.topics.publish(commands(sender, 8))
    until(lambda: not_ready(process, f"{COMMAND}: {COMMAND} was made anew"), 60, "readiness to name it")
    assert len(replies(session)) == 3


def not_ready(process: Process, reason: str) -> bool:
    """Whether readiness gives a reason that begins so."""
    status, reasons = process.ready()
    return status == 503 and any(one.startswith(reason) for one in reasons)


def test_another_cluster_stops_the_start_and_is_read_from_the_beginning_when_that_is_meant(
    session: Session, sender: Sender
) -> None:
    installation = session.installation
    first = commands(sender, 3)
    session.step(Step([sender.day("2025-05-26"), *first]))
    installation.leave(0)
    execute(installation.database_url, "UPDATE installation SET cluster_id = 'the-old-one'")
    said = refused(installation, 3)
    assert "this is the cluster fastlakare-test-cluster, the database remembers the-old-one" in said
    assert "see docs/operating.md, 'Another cluster, or a topic made anew'" in said
    execute(installation.database_url, FOR_A_CLUSTER)
    installation.start(1)
    more = commands(sender, 1)
    session.topics.publish(more)
    installation.settle()
    assert replies(session) == ids(first) | ids(more)


def test_another_cluster_under_a_running_process_ends_it(session: Session, sender: Sender) -> None:
    """As where an address leads elsewhere from one day to the next; every start is refused then."""
    installation = session.installation
    session.step(Step([sender.day("2025-05-26")]))
    execute(installation.database_url, "UPDATE installation SET cluster_id = 'the-old-one'")
    process = installation.processes.pop(0)
    assert process.popen.wait(60) == 3
    assert "the database remembers the-old-one" in process.output()


def test_an_output_topic_made_anew_under_a_running_process_is_not_written_to(session: Session, sender: Sender) -> None:
    installation = session.installation
    session.step(Step([sender.day("2025-05-26"), *commands(sender, 3)]))
    process = installation.processes[0]
    make_anew(installation, REPLY)
    said = f"relay: restarting after an error: WrongTopics: {REPLY} was made anew"
    until(lambda: not_ready(process, said), 60, "readiness to name it")
    session.topics.publish(commands(sender, 2))
    until(lambda: installation.lag()["outbox"] == 2, 30, "the replies to wait in the outbox")
    topic, consumer = installation.prefix + REPLY, session.topics.consumer
    for number in range(installation.partitions):
        assert consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=10) == (0, 0)


def test_an_output_topic_made_anew_is_not_written_to(session: Session, sender: Sender) -> None:
    """Readers would find a topic without all that was published before, and would not know."""
    installation = session.installation
    session.step(Step([sender.day("2025-05-26"), *commands(sender, 3)]))
    installation.leave(0)
    make_anew(installation, REPLY)
    assert f"{REPLY} was made anew" in refused(installation, 3)


def test_settings_that_must_agree_stop_the_start_until_they_are_accepted_which_takes_the_partitions_from_the_others(
    session: Session, sender: Sender
) -> None:
    """A rolling change would have half of the partitions end links that the others keep."""
    installation = session.installation
    session.step(Step([sender.day("2025-05-26")]))
    old = installation.processes.pop(0)
    installation.extra = {"ON_DOCTOR_LEFT": "keep"}
    said = refused(installation, 2)
    assert "FASTLAKARE_ON_DOCTOR_LEFT is 'keep' here and 'end' in the database" in said
    assert "`fastlakare migrate --accept-settings`" in said
    session.topics.publish(commands(sender, 1))
    installation.processes.append(old)
    installation.settle()  # who runs goes on
    installation.processes.remove(old)
    assert "FASTLAKARE_ON_DOCTOR_LEFT: 'end' is 'keep' from now on" in migrate(installation)
    assert "remembers these settings already" in migrate(installation)
    late = commands(sender, 1)
    session.topics.publish(late)
    assert old.popen.wait(60) == 2
    assert not ids(late) <= replies(session)
    installation.start(1)
    installation.settle()
    assert ids(late) <= replies(session)
    installation.leave(0)
    installation.extra = {}
    assert "FASTLAKARE_ON_DOCTOR_LEFT is 'end' here and 'keep' in the database" in refused(installation, 2)


def migrate(installation: Installation) -> str:
    """What accepting the environment's settings says."""
    words = installation.command("migrate", "--accept-settings")
    done = subprocess.run(words, env=installation.environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
