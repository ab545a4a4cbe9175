"""The service on a cluster that demands a login and grants it the documented rights and no other."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AclOperation  # type: ignore[attr-defined]

from schemas.topics import TOPICS
from tests.harness.installation import ROOT, Installation
from tests.harness.published import headers_of, require_promised
from tests.security.cluster import OPERATOR, SENDER, SERVICE, STRANGER, Cluster, documented
from tests.security.conftest import Roles

pytestmark = pytest.mark.xdist_group("security")

WAYS = ("scram", "oauthbearer", "mutual TLS")
UNIT = "SE2321000131-E000000000712"


@pytest.fixture
def installation(cluster: Cluster, roles: Roles, topic_prefix: str, tmp_path: Path) -> Iterator[Installation]:
    """Not started; whoever starts it says how it logs in."""
    running = Installation(cluster.inside, roles.app, topic_prefix, tmp_path, partitions=1)
    yield running
    for process in running.processes:
        process.popen.terminate()
    for process in running.processes:
        process.popen.wait(30)


def say(installation: Installation, *words: str) -> subprocess.CompletedProcess[str]:
    """What the command prints and how it ends."""
    environment = {name: text for name, text in installation.environment().items() if text}
    return subprocess.run(
        installation.command(*words), env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )


def log_in(installation: Installation, cluster: Cluster, how: str, name: str) -> None:
    """From now on the installation's commands are this principal's."""
    installation.extra = {"OWN_CLOCK": "true", **cluster.login(how, name)}


def create_topics(cluster: Cluster, installation: Installation, how: str) -> None:
    """The topics, made by the operator with the rights documented for that."""
    cluster.grant("kafka-acls-operator.txt", OPERATOR, installation.prefix, f"{installation.prefix}group")
    log_in(installation, cluster, how, OPERATOR)
    created = say(installation, "topics", "--create")
    assert "created" in created.stdout, created.stderr


def ask(cluster: Cluster, installation: Installation) -> None:
    """One command, sent by the cluster's superuser."""
    data = {
        "unit_hsa_id": UNIT,
        "actor": {"id": "annsv4", "role": "VC-chef", "unit_hsa_id": UNIT},
        "doctor_hsa_id": "SE2321000131-E000000007623",
    }
    envelope = {"specversion": "1.0", "id": "1", "source": "test", "time": "2026-05-26T12:00:00Z"}
    body = {**envelope, "type": "se.vgregion.listning.activate-doctor.v1", "data": data}
    producer = Producer({"bootstrap.servers": cluster.inside})
    producer.produce(f"{installation.prefix}listning.command.v1", json.dumps(body), UNIT)
    assert producer.flush(30) == 0


def reply(cluster: Cluster, installation: Installation) -> str:
    """The code of the first reply."""
    consumer = Consumer(
        {
            "bootstrap.servers": cluster.inside,
            "group.id": "any",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    try:
        consumer.subscribe([f"{installation.prefix}listning.reply.v1"])
        record = consumer.poll(30)
        assert record is not None
        assert record.error() is None
        require_promised("listning.reply.v1", record.value(), headers_of(record))
        code: str = json.loads(record.value() or b"")["code"]
        return code
    finally:
        consumer.close()


@pytest.mark.parametrize("how", WAYS)
def test_topics_run_lag_and_partitions_work_with_the_documented_rights_alone(
    cluster: Cluster, installation: Installation, how: str
) -> None:
    prefix, group = installation.prefix, f"{installation.prefix}group"
    create_topics(cluster, installation, how)
    cluster.grant("kafka-acls.txt", SERVICE, prefix, group)
    log_in(installation, cluster, how, SERVICE)
    checked = say(installation, "topics", "--check")
    assert (checked.returncode, checked.stderr) == (0, ""), checked.stdout
    installation.start(1)
    ask(cluster, installation)
    assert reply(cluster, installation) == "doctor_not_selectable"
    lag = say(installation, "lag", "--json", "--wait", "30")
    assert (lag.returncode, json.loads(lag.stdout)["outbox"]) == (0, 0), lag.stderr
    shown = say(installation, "partition", "show", "--json")
    assert shown.returncode == 0, shown.stderr
    assert [len(one["held_by"]) for one in json.loads(shown.stdout)["partitions"]] == [1] * 5
    assert cluster.rights(SERVICE, prefix) == len(documented("kafka-acls.txt", SERVICE, prefix, group))


def test_a_service_that_may_not_see_the_topics_settings_runs_all_the_same(
    cluster: Cluster, installation: Installation
) -> None:
    prefix, name = installation.prefix, f"blind-{installation.prefix}"
    create_topics(cluster, installation, "scram")
    cluster.grant("kafka-acls.txt", name, prefix, f"{prefix}group", but=AclOperation.DESCRIBE_CONFIGS)
    log_in(installation, cluster, "mutual TLS", name)
    installation.start(1)
    ask(cluster, installation)
    assert reply(cluster, installation) == "doctor_not_selectable"
    told = [line for line in installation.processes[0].output().splitlines() if '"topic differs"' in line]
    assert len(told) == len(TOPICS)
    assert all('"describe-configs"' in line for line in told)


def test_an_import_works_with_its_own_documented_rights_alone(
    cluster: Cluster, installation: Installation, tmp_path: Path
) -> None:
    prefix, group = installation.prefix, f"{installation.prefix}group"
    create_topics(cluster, installation, "scram")
    cluster.grant("kafka-acls.txt", SERVICE, prefix, group)
    cluster.grant("kafka-acls-import.txt", SENDER, prefix, group)
    log_in(installation, cluster, "scram", SERVICE)
    installation.start(1)
    file = tmp_path / "a.csv"
    file.write_text(f"191212121212;{UNIT};SE2321000131-E000000007623\n", encoding="utf-8")
    words = ("import", str(file), "--unit", UNIT, "--actor", "annsv4", "--role", "VC-chef", "--json")
    log_in(installation, cluster, "scram", STRANGER)
    refused = say(installation, *words)
    assert (refused.returncode, "no right" in refused.stderr) == (2, True), refused.stderr
    log_in(installation, cluster, "scram", SENDER)
    done = say(installation, *words)
    assert (done.returncode, done.stderr) == (1, ""), done.stderr
    assert [fault["code"] for fault in json.loads(done.stdout)["faults"]] == ["patient_not_listed"]


def test_a_principal_without_rights_is_told_which_are_missing(cluster: Cluster, installation: Installation) -> None:
    prefix = installation.prefix
    create_topics(cluster, installation, "scram")
    log_in(installation, cluster, "scram", STRANGER)
    checked = say(installation, "topics", "--check", "--json")
    assert checked.returncode == 1, checked.stderr
    differences = {
        (found["name"], found["what"], found["wanted"]) for found in json.loads(checked.stdout)["differences"]
    }
    assert (f"{prefix}kiv.staff.v1", "right", "read") in differences
    assert (f"{prefix}1177.fast-lakarkontakt.v1", "right", "write") in differences


@pytest.mark.parametrize(
    "wrong",
    [
        {"KAFKA_PASSWORD": "another password"},
        {"KAFKA_CA_FILE": ""},
        {"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "KAFKA_CA_FILE": ""},
    ],
    ids=["wrong password", "unknown authority", "no TLS"],
)
def test_nobody_gets_in_otherwise_and_one_line_says_so(
    cluster: Cluster, installation: Installation, wrong: dict[str, str]
) -> None:
    log_in(installation, cluster, "scram", SERVICE)
    installation.extra |= wrong
    done = say(installation, "topics", "--check")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "password of the test" not in done.stderr
    assert "another password" not in done.stderr
