"""What is published must be what is promised: every record read back is held against the schema that AsyncAPI shows."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, Literal

import jsonschema_rs
import orjson
from confluent_kafka import Message

from schemas.asyncapi import document

Validators = dict[str, dict[str, jsonschema_rs.Draft7Validator]]


@cache
def _validators(part: Literal["payload", "headers"] = "payload") -> Validators:
    """By topic (the contract's name) and `ce_type`; of a dead letter `dead-letter`."""
    described = document()
    components = {"components": described["components"]}
    messages = described["components"]["messages"]
    found: Validators = {}
    for topic, channel in described["channels"].items():
        found[topic] = {}
        for reference in channel["messages"].values():
            message = messages[reference["$ref"].rpartition("/")[2]]
            schema = message.get(part)
            if schema is not None:
                found[topic][message["name"]] = jsonschema_rs.Draft7Validator({**schema, **components})
    return found


def allows(topic: str, ce_type: str, data: object) -> bool:
    """Whether AsyncAPI's schema of the message allows the data."""
    return _validators()[topic][ce_type].is_valid(data)


def require_promised(topic: str, value: bytes | None, headers: Iterable[tuple[str, bytes | None]]) -> None:
    """Fails where a published record is not what its topic promises, its headers included; of a dead letter these
    alone, for the rest of it is promised as it came."""
    if topic.endswith(".dlq"):
        own = {name: (text or b"").decode(errors="replace") for name, text in headers if name.startswith("dlq_")}
        _require(topic, _validators("headers")[topic]["dead-letter"], own)
        return
    texts = {name: (text or b"").decode(errors="replace") for name, text in headers}
    ce_type = texts.get("ce_type", "")
    validator = _validators()[topic].get(ce_type)
    assert validator is not None, f"{topic}: {ce_type!r} is no message of the topic"
    _require(topic, validator, None if value is None else orjson.loads(value))
    _require(topic, _validators("headers")[topic][ce_type], texts)


def _require(topic: str, validator: jsonschema_rs.Draft7Validator, what: object) -> None:
    if not validator.is_valid(what):
        faults = [f"{'/'.join(map(str, one.instance_path))}: {one.message}" for one in validator.iter_errors(what)]
        raise AssertionError(f"{topic}: {faults}")


def headers_of(message: Message) -> list[tuple[str, bytes | None]]:
    """The headers of a message as confluent-kafka gives it."""
    headers: Any = message.headers() or []
    return [(name, value.encode() if isinstance(value, str) else value) for name, value in headers]
