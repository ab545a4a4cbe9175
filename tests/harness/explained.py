"""What `explain` says of every patient of an installation, held against the topics."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition

from tests.harness.command_line import run_command
from tests.harness.installation import personnummer_in
from tests.harness.published import headers_of
from tests.harness.records import CHANGES, DOCTOR, INPUTS, Record, header
from tests.harness.session import Session
from tests.harness.topics import READER
from tests.model.ids import patient_key
from tests.test_references import RULES

Place = tuple[str, int, int]
#: in the trail of a patient, what is held and stands in no trail
HELD = "listed"
#: where a partition's end stands among its records
END = -1


def unexplained(session: Session, patients: Sequence[str]) -> list[str]:
    """What `fastlakare explain patient` says that is not so, or leaves out: of each of the patients."""
    heard: dict[str, list[Record]] = defaultdict(list)
    for record in session.topics.collect():
        if record.topic == CHANGES:
            heard[record.key or ""].append(record)
    causes, found = input_records(session), []
    for patient in patients:
        said = [_said(session, "patient", "--reason", "a test", given=patient) for _ in range(2)]
        key = patient_key(patient, session.installation.settings.secret)
        faults = [] if said[0] == said[1] else ["two runs differ"]
        faults += personnummer_in([("explanation", said[0])], patients)
        found += [f"{key}: {fault}" for fault in (*faults, *_faults(json.loads(said[0]), key, heard[key], causes))]
    return found


def unexplained_doctors(session: Session) -> list[str]:
    """Of each pair that the doctor topic ever spoke of, what `fastlakare explain doctor` says otherwise than the newest
    record."""
    newest = {record.key or "": record for record in session.topics.collect() if record.topic == DOCTOR}
    found = []
    for pair, record in sorted(newest.items()):
        said = json.loads(_said(session, "doctor", pair))
        expected = header(record.headers, "ce_id"), "withdrawn" if record.value is None else "published"
        told = said["told"] and (said["told"]["ce_id"], said["told"]["status"])
        if told != expected:
            found.append(f"{pair}: the newest record is {expected}, told was {told}")
        if record.value is not None:
            reasons = json.loads(record.value)["unavailable_because"]
            if said["unavailable_because"] != reasons:
                found.append(f"{pair}: unavailable because of {reasons}, not {said['unavailable_because']}")
    return found


def _said(session: Session, *words: str, given: str = "") -> str:
    installation = session.installation
    settings = {"DATABASE_URL": installation.database_url, "PATIENT_KEY_SECRET": installation.settings.secret}
    done = run_command("explain", *words, "--json", settings=settings, given=given)
    assert done.exit_code == 0, done.output
    return done.stdout


def _faults(said: Any, key: str, heard: list[Record], causes: Mapping[Place, tuple[str, str]]) -> Iterator[str]:
    told = [event for step in said["timeline"] for event in step["events"] if event.startswith(f"{key}/")]
    ids = [header(record.headers, "ce_id") for record in heard]
    if told != ids:
        yield f"1177 heard {ids}, the timeline tells {told}"
    if said["told"] != _newest(heard):
        yield f"the newest record is {_newest(heard)}, told was {said['told']}"
    if (said["link"] is None) == (said["no_link"] is None):
        yield "a link, or why there is none, and not both"
    if said["link"] is not None and said["link"]["start"] != json.loads(heard[-1].value or b"{}").get("start"):
        yield "the link has another start"
    for step in said["timeline"]:
        yield from _faults_of(step, causes)


def _faults_of(step: Any, causes: Mapping[Place, tuple[str, str]]) -> Iterator[str]:
    cause = step["cause"]
    place = cause["topic"], cause["partition"], cause["offset"]
    if step["rule"] not in RULES:
        yield f"{step['what']}: {step['rule']} is no rule"
    if place not in causes:
        # compaction may have taken it by now
        if place[2] >= int(causes[place[0], place[1], END][0]):
            yield f"{step['what']}: no record ever stood at {place}"
    elif step["what"] != HELD and causes[place] != (cause["source"], cause["id"]):
        yield f"{step['what']}: {causes[place]} stands at {place}, not {cause['source'], cause['id']}"
    if step["what"] != HELD and step["release"] != _release():
        yield f"{step['what']}: release {step['release']}"


@cache
def _release() -> str:
    return run_command("--version").stdout.split()[-1]


def _newest(heard: list[Record]) -> Any:
    if not heard:
        return None
    ce_id = header(heard[-1].headers, "ce_id") or ""
    status = "withdrawn" if heard[-1].value is None else json.loads(heard[-1].value)["status"]
    return {"revision": int(ce_id.rpartition("/")[2]), "status": status, "ce_id": ce_id}


def input_records(session: Session) -> dict[Place, tuple[str, str]]:
    """Source and id of each record of the inputs, as the audit trail has them: of a null value the topic and the
    place; and under the offset END where each partition ends."""
    installation = session.installation
    consumer = Consumer({"bootstrap.servers": installation.bootstrap, **READER, "group.id": "explained"})
    known = consumer.list_topics(timeout=20).topics
    open_partitions = {
        (installation.prefix + topic, number)
        for topic in INPUTS
        for number in known[installation.prefix + topic].partitions
    }
    consumer.assign([TopicPartition(*one, 0) for one in open_partitions])
    found: dict[Place, tuple[str, str]] = {}
    while open_partitions:
        for message in consumer.consume(1000, 0.1):
            topic, partition, offset = message.topic() or "", message.partition() or 0, message.offset() or 0
            error = message.error()
            if error is not None:
                assert error.code() == KafkaError._PARTITION_EOF
                found[topic.removeprefix(installation.prefix), partition, END] = str(offset), ""
                open_partitions.discard((topic, partition))
                continue
            bare = topic.removeprefix(installation.prefix)
            found[bare, partition, offset] = _named(bare, partition, offset, message)
    consumer.close()
    return found


def _named(topic: str, partition: int, offset: int, message: Any) -> tuple[str, str]:
    value: Any = message.value()
    if value is None:
        return topic, f"{partition}/{offset}"
    headers = headers_of(message)
    source, id = header(headers, "ce_source"), header(headers, "ce_id")
    if source is None or id is None:
        try:
            document = json.loads(value)
            return str(document.get("source")), str(document.get("id"))
        except (ValueError, AttributeError):
            return "", ""
    return source, id
