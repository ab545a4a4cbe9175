"""The contract in machine-readable form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from schemas.asyncapi import document, message_name, schema, schema_names
from schemas.topics import TOPICS
from tests.schemas.builders import EXAMPLES, LISTING_DATA, STAFF_DATA, without


def nodes(part: Any) -> Iterator[Any]:
    """Every object inside a document."""
    if isinstance(part, dict):
        yield part
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from nodes(inner)


def at(document: Any, ref: str) -> Any:
    """What a reference inside the document stands for."""
    for step in ref.removeprefix("#/").split("/"):
        document = document[step]
    return document


@pytest.mark.parametrize("name", schema_names())
def test_every_name_has_a_sound_schema(name: str) -> None:
    Draft202012Validator.check_schema(schema(name))

    assert schema(name)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_no_name_means_two_things() -> None:
    assert len(schema_names()) == len(set(schema_names()))


@pytest.mark.parametrize("ce_type", EXAMPLES)
def test_the_examples_fit_the_schemas_by_any_of_their_names(ce_type: str) -> None:
    topic, data = EXAMPLES[ce_type]

    for name in (ce_type, message_name(ce_type), topic):
        assert list(Draft202012Validator(schema(name)).iter_errors(data)) == []


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("staff", without(STAFF_DATA, "surname")),
        ("staff", STAFF_DATA | {"hsa_id": "jon"}),
        ("staff", STAFF_DATA | {"version": 2**63}),
        ("listing", LISTING_DATA | {"care_burden": -1}),
        ("listing", LISTING_DATA | {"patient_id": "1"}),
        ("day-began", {"day": 20260527}),
        ("link-patient", {}),
        ("fast-lakarkontakt-withdrawn", {}),
    ],
)
def test_the_schemas_refuse_what_is_malformed(name: str, data: Any) -> None:
    assert list(Draft202012Validator(schema(name)).iter_errors(data)) != []


@pytest.mark.parametrize("name", ["", "x", "kiv.staff.v1.dlq", "Staff"])
def test_an_unknown_name_has_no_schema(name: str) -> None:
    with pytest.raises(KeyError):
        schema(name)


def test_the_document_names_every_topic_with_prefix_and_partitions() -> None:
    channels = document("a.", 3)["channels"]

    assert {
        name: (channel["address"], channel["bindings"]["kafka"]["partitions"]) for name, channel in channels.items()
    } == {topic.name: (f"a.{topic.name}", 1 if topic.one_partition else 3) for topic in TOPICS}


def test_without_a_prefix_the_names_are_bare_and_the_partitions_twelve() -> None:
    kafka = document()["channels"]["listning.command.v1"]["bindings"]["kafka"]

    assert kafka == {
        "topic": "listning.command.v1",
        "partitions": 12,
        "topicConfiguration": {
            "cleanup.policy": ["delete"],
            "retention.ms": 2_592_000_000,
            "max.message.bytes": 1_114_112,
        },
        "bindingVersion": "0.5.0",
    }


def test_readers_are_told_for_how_long_null_values_last_and_what_they_need_to_read_records() -> None:
    described = document()
    channel = described["channels"]["1177.fast-lakarkontakt.v1"]
    message = described["components"]["messages"]["fast-lakarkontakt"]

    assert channel["bindings"]["kafka"]["topicConfiguration"] == {
        "cleanup.policy": ["compact"],
        "delete.retention.ms": 2_592_000_000,
        "segment.ms": 86_400_000,
        "max.compaction.lag.ms": 86_400_000,
        "max.message.bytes": 1_114_112,
    }
    for text in (channel["description"], described["info"]["description"]):
        assert "30 days" in text
        assert "anew from the start" in text
    assert "a key is required" in channel["description"]
    assert message["bindings"]["kafka"]["key"] == {
        "type": "string",
        "minLength": 1,
        "description": "patient key (rules D2); required",
    }
    assert "uncompressed, unless the installation's setting KAFKA_COMPRESSION says" in described["info"]["description"]


def test_every_reference_in_the_document_leads_somewhere() -> None:
    described = document()
    refs = [node["$ref"] for node in nodes(described) if "$ref" in node]

    assert len(refs) > 50
    assert all(at(described, ref) for ref in refs)


def test_every_enum_has_a_title_that_generators_name_it_by() -> None:
    assert [node["enum"] for node in nodes(document()) if "enum" in node and "title" not in node] == []


def test_the_licence_that_counts_is_named_where_upstream_teams_look() -> None:
    assert "`LK`" in json.dumps(schema("kiv.staff.v1"))


def test_every_message_is_described_with_its_data_and_headers() -> None:
    described = document()
    messages = described["components"]["messages"]

    assert set(messages) == {message_name(ce_type) for topic in TOPICS for ce_type in topic.messages} | {
        "dead-letter", "staff-tombstone", "unit-tombstone", "listing-tombstone"
    }  # fmt: skip
    for ce_type, (_, data) in EXAMPLES.items():
        whole = messages[message_name(ce_type)]["payload"] | {"components": described["components"]}
        assert list(Draft7Validator(whole).iter_errors(data)) == []


@pytest.mark.parametrize(
    ("topic", "allowed"),
    [
        *(("kiv.staff.v1", True), ("kiv.unit.v1", True), ("vardval.listing.v1", True), ("listning.command.v1", False)),
        *(("1177.fast-lakarkontakt.v1", True), ("listning.doctor.v1", True), ("listning.reply.v1", False)),
    ],
)
def test_a_null_value_is_in_the_schema_of_each_topic_that_takes_one(topic: str, allowed: bool) -> None:
    assert Draft202012Validator(schema(topic)).is_valid(None) is allowed


def test_inputs_are_received_outputs_sent_and_the_clock_both() -> None:
    operations = document()["operations"]

    assert {name.split(".", 1)[1] for name, operation in operations.items() if operation["action"] == "receive"} == {
        topic.name for topic in TOPICS if topic.direction == "in"
    }
    assert operations["send.listning.clock.v1"]["channel"] == {"$ref": "#/channels/listning.clock.v1"}
    assert operations["receive.listning.command.v1"]["reply"] == {"channel": {"$ref": "#/channels/listning.reply.v1"}}


def test_the_document_is_plain_json() -> None:
    assert json.loads(json.dumps(document())) == document()
