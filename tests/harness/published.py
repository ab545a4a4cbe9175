"""What is published must be what is promised: every record read back is held against the schema that AsyncAPI shows."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import jsonschema_rs
import orjson
from confluent_kafka import Message

from schemas.asyncapi import document


@cache
def _validators() -> dict[str, dict[str, jsonschema_rs.Draft7Validator]]:
    """By topic (the contract's name) and `ce_type`."""
    described = document()
    components = {"components": described["components"]}
    messages = described["components"]["messages"]
    found: dict[str, dict[str, jsonschema_rs.Draft7Validator]] = {}
    for topic, channel in described["channels"].items():
        found[topic] = {}
        for reference in channel["messages"].values():
            message = messages[reference["$ref"].rpartition("/")[2]]
            payload = message.get("payload")
            if payload is not None:
                found[topic][message["name"]] = jsonschema_rs.Draft7Validator({**payload, **components})
    return found


def require_promised(topic: str, value: bytes | None, headers: Iterable[tuple[str, bytes | None]]) -> None:
    """Fails where a published record is not what its topic promises; dead letters are promised as they came."""
    if topic.endswith(".dlq"):
        return
    ce_type = dict(headers).get("ce_type") or b""
    validator = _validators()[topic].get(ce_type.decode())
    assert validator is not None, f"{topic}: {ce_type!r} is no message of the topic"
    data = None if value is None else orjson.loads(value)
    faults = [f"{'/'.join(map(str, fault.instance_path))}: {fault.message}" for fault in validator.iter_errors(data)]
    assert faults == [], f"{topic}: {faults}"


def headers_of(message: Message) -> list[tuple[str, bytes | None]]:
    """The headers of a message as confluent-kafka gives it."""
    headers: Any = message.headers() or []
    return [(name, value.encode() if isinstance(value, str) else value) for name, value in headers]
