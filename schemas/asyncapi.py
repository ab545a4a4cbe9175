"""The contract in machine-readable form, generated from the models: AsyncAPI 3 and JSON Schema."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from schemas.envelope import MAX_ATTRIBUTE_LENGTH
from schemas.errors import DeadLetterCode
from schemas.topics import DELETION_HORIZON_DAYS, LISTNING_CLOCK, LISTNING_COMMAND, LISTNING_REPLY, TOPICS, Topic

Json = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DESCRIPTION = (
    "CloudEvents 1.0 on Kafka, read in binary and structured mode and written in binary mode. Every record needs a key:"
    " Kafka refuses one without on a compacted topic, with the whole batch that it was sent in. Records are written"
    " uncompressed, unless the installation's setting KAFKA_COMPRESSION says gzip, snappy, lz4 or zstd, and are to be"
    " read with isolation level read_committed. A null value on a compacted topic can be read for"
    f" {DELETION_HORIZON_DAYS} days: a reader that was away for longer builds its view anew from the start. Days are"
    " days in Europe/Stockholm. Ids such as L3 are rules, docs/rules.md; every message with an example is in"
    " docs/contract.md."
)
_MESSAGES = {ce_type: model for topic in TOPICS for ce_type, model in topic.messages.items()}


def message_name(ce_type: str) -> str:
    """The short name of a message: `se.vgregion.listning.link-patient.v1` is `link-patient`."""
    return ce_type.split(".")[-2]


def schema_names() -> list[str]:
    """Every name that `schema` knows: of messages, of their types and of topics."""
    topics = [topic.name for topic in TOPICS if topic.messages]
    return [message_name(ce_type) for ce_type in _MESSAGES] + list(_MESSAGES) + topics


def schema(name: str) -> Json:
    """The JSON Schema of a message's data, or of all the messages of a topic. Raises KeyError for an unknown name."""
    for topic in TOPICS:
        if topic.name == name and topic.messages:
            refs, defs = _schemas(list(topic.messages.values()), "#/$defs/{model}")
            kinds = refs + ([_null(topic)] if topic.null_value else [])
            return {"$schema": _DIALECT, "title": name, "description": topic.what, "anyOf": kinds, "$defs": defs}
    for ce_type, model in _MESSAGES.items():
        if name in (ce_type, message_name(ce_type)):
            generated = model.model_json_schema(schema_generator=_Quiet)
            return {"$schema": _DIALECT, **generated, "title": ce_type}
    raise KeyError(name)


def document(prefix: str = "", partitions: int = 12) -> Json:
    """The AsyncAPI 3 document of an installation with this topic prefix and number of partitions."""
    refs, defs = _schemas(list(_MESSAGES.values()), "#/components/schemas/{model}")
    payloads = dict(zip(_MESSAGES, refs, strict=True))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Fast läkarkontakt",
            "version": "1.0.0",
            "description": _DESCRIPTION,
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic, prefix, partitions) for topic in TOPICS},
        "operations": dict(_operation(topic, action) for topic in TOPICS for action in _actions(topic)),
        "components": {
            "messages": {
                **{
                    message_name(ce_type): _message(topic, ce_type, payloads[ce_type])
                    for topic in TOPICS
                    for ce_type in topic.messages
                },
                **{_tombstone_name(topic): _tombstone(topic) for topic in TOPICS if _has_tombstone(topic)},
                "dead-letter": _DEAD_LETTER,
            },
            "schemas": {**defs, "CloudEventHeaders": _CLOUD_EVENT_HEADERS, "DeadLetterHeaders": _DEAD_LETTER_HEADERS},
        },
    }


class _Quiet(GenerateJsonSchema):
    """Without a title for every field, which only repeats its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _schemas(models: list[type[BaseModel]], ref_template: str) -> tuple[list[Json], Json]:
    in_validation: list[tuple[type[BaseModel], JsonSchemaMode]] = [(model, "validation") for model in models]
    refs, generated = models_json_schema(in_validation, ref_template=ref_template, schema_generator=_Quiet)
    return [refs[key] for key in in_validation], generated["$defs"]


def _channel(topic: Topic, prefix: str, partitions: int) -> Json:
    names = [message_name(ce_type) for ce_type in topic.messages] or ["dead-letter"]
    if _has_tombstone(topic):
        names.append(_tombstone_name(topic))
    return {
        "address": prefix + topic.name,
        "description": _description(topic),
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {
            "kafka": {
                "topic": prefix + topic.name,
                "partitions": 1 if topic.one_partition else partitions,
                "topicConfiguration": {**topic.configs, "cleanup.policy": [topic.cleanup]},
                "bindingVersion": "0.5.0",
            }
        },
    }


def _description(topic: Topic) -> str:
    sentences = [f"{topic.what[0].upper()}{topic.what[1:]}. Key: {topic.key}."]
    if topic.cleanup == "compact":
        sentences.append("Compacted: a key is required, and the last record of a key is the one that is kept.")
        if topic.direction == "out":
            sentences.append(
                f"A null value can be read for {DELETION_HORIZON_DAYS} days: a reader away for longer builds its view"
                " anew from the start."
            )
    return " ".join(sentences)


def _actions(topic: Topic) -> tuple[str, ...]:
    if topic.name == LISTNING_CLOCK:
        return ("receive", "send")
    return ("receive",) if topic.direction == "in" else ("send",)


def _operation(topic: Topic, action: str) -> tuple[str, Json]:
    operation: Json = {"action": action, "channel": {"$ref": f"#/channels/{topic.name}"}, "summary": topic.what}
    if topic.name == LISTNING_COMMAND:
        operation["reply"] = {"channel": {"$ref": f"#/channels/{LISTNING_REPLY}"}}
    return f"{action}.{topic.name}", operation


def _null(topic: Topic) -> Json:
    return {"type": "null", "description": topic.null_value}


def _has_tombstone(topic: Topic) -> bool:
    """Whether a null value needs no envelope; what we publish always has one."""
    return topic.null_value is not None and topic.direction == "in"


def _tombstone_name(topic: Topic) -> str:
    return f"{topic.name.split('.')[1]}-tombstone"


def _tombstone(topic: Topic) -> Json:
    return {
        "name": _tombstone_name(topic),
        "title": _tombstone_name(topic),
        "summary": topic.null_value,
        "payload": _null(topic),
        "bindings": _key_binding(topic),
    }


def _key_binding(topic: Topic) -> Json:
    key = {"type": "string", "minLength": 1, "description": f"{topic.key}; required"}
    return {"kafka": {"key": key, "bindingVersion": "0.5.0"}}


def _message(topic: Topic, ce_type: str, payload: Json) -> Json:
    if topic.null_value and topic.direction == "out":
        payload = {"anyOf": [payload, _null(topic)]}
    limited = ("ce_id", "ce_source") if topic.direction == "in" else ()
    limits = {name: {"maxLength": MAX_ATTRIBUTE_LENGTH} for name in limited}
    return {
        "name": ce_type,
        "title": message_name(ce_type),
        "summary": (_MESSAGES[ce_type].__doc__ or "").split("\n", 1)[0],
        "contentType": "application/json",
        "headers": {
            "allOf": [
                {"$ref": "#/components/schemas/CloudEventHeaders"},
                {"type": "object", "properties": {"ce_type": {"const": ce_type}, **limits}},
            ]
        },
        "payload": payload,
        "correlationId": {"location": "$message.header#/ce_correlationid"},
        "bindings": _key_binding(topic),
    }


_TEXT: Json = {"type": "string", "minLength": 1}
_CLOUD_EVENT_HEADERS: Json = {
    "type": "object",
    "required": ["ce_specversion", "ce_id", "ce_source", "ce_type", "content-type"],
    "properties": {
        "ce_specversion": {"const": "1.0"},
        "ce_id": _TEXT,
        "ce_source": _TEXT,
        "ce_type": _TEXT,
        "ce_time": {"type": "string", "format": "date-time"},
        "ce_subject": _TEXT,
        "fastlakare-seq": {"type": "string", "description": "of the service's own use; ignore it"},
        "ce_correlationid": _TEXT,
        "traceparent": _TEXT,
        "tracestate": _TEXT,
        "content-type": {"type": "string", "description": "application/json"},
    },
}
_DEAD_LETTER_REQUIRED = ("topic", "partition", "offset", "code", "detail", "at", "attempts", "timestamp", "release")
_DEAD_LETTER_HEADERS: Json = {
    "type": "object",
    "required": [f"dlq_{name}" for name in _DEAD_LETTER_REQUIRED],
    "properties": {
        "dlq_topic": {"type": "string"},
        "dlq_partition": {"type": "string"},
        "dlq_offset": {"type": "string"},
        "dlq_code": {"title": "DeadLetterCode", "enum": [code.value for code in DeadLetterCode]},
        "dlq_detail": {
            "type": "string",
            "description": "field path and rule, never a value; up to five faults, separated by `; `",
        },
        "dlq_at": {"type": "string", "format": "date-time"},
        "dlq_attempts": {"type": "string"},
        "dlq_timestamp": {"type": "string", "description": "the record's own timestamp, in milliseconds since 1970"},
        "dlq_release": {"type": "string", "description": "of the service that dead-lettered it"},
        "dlq_fingerprint": {
            "type": "string",
            "description": "with handler_failed: which failure, whatever the release",
        },
    },
}
_DEAD_LETTER: Json = {
    "name": "dead-letter",
    "title": "dead-letter",
    "summary": "The record as it came, with headers that say where it stood and why it is here.",
    "headers": {"$ref": "#/components/schemas/DeadLetterHeaders"},
    "payload": {"description": "whatever the record held; null where it was too large to copy"},
}
