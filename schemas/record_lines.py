"""A Kafka record as one line of JSON, byte for byte: what files of records are written as and read from.

`{"topic": "kiv.unit.v1", "key": "SE...", "headers": [["ce_id", "1"]], "value": "{...}", "timestamp": 1779796800000}`

Key, value and each header's value are null, a text where the bytes are UTF-8, or else `{"base64": "..."}`. Headers are
pairs in their order, the same name as often as it came. `timestamp` is the record's own, in milliseconds.

A line that a person types may be shorter: `value` is then the JSON object itself, `headers` an object, and what is not
said is no key, no headers, and the timestamp -1, Kafka's own for none.
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from schemas.envelope import Record
from schemas.errors import FastlakareError

NO_TIMESTAMP = -1
_BASE64 = "base64"
_INT64 = range(-(2**63), 2**63)

Headers = Sequence[tuple[str, bytes | None]]


class LineRecord(NamedTuple):
    """The record of a line; it stands nowhere, so its partition and offset are 0."""

    topic: str
    key: bytes | None
    headers: Headers
    value: bytes | None
    timestamp: int
    partition: int = 0
    offset: int = 0


class UnreadableLine(FastlakareError):
    """A line that is no record; the text is field and rule, and never holds a value (D1)."""


def to_line(record: Record) -> bytes:
    """The record's line, with its line feed and no other."""
    line = {
        "topic": record.topic,
        "key": _from_bytes(record.key),
        "headers": [(name, _from_bytes(value)) for name, value in record.headers],
        "value": _from_bytes(record.value),
        "timestamp": record.timestamp,
    }
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def from_line(line: bytes) -> LineRecord:
    """The record of a line; fields it does not know are ignored. Raises UnreadableLine."""
    try:
        # not orjson: numbers of any size must come out of a typed value as they were
        document = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise UnreadableLine("should be a JSON object")
    missing = [name for name in ("topic", "value") if name not in document]
    if missing:
        raise UnreadableLine(f"{missing[0]}: should be there")
    topic, timestamp = document["topic"], document.get("timestamp", NO_TIMESTAMP)
    if not isinstance(topic, str):
        raise UnreadableLine("topic: should be a text")
    if not isinstance(timestamp, int) or isinstance(timestamp, bool) or timestamp not in _INT64:
        raise UnreadableLine("timestamp: should be a 64-bit number of milliseconds")
    key, headers = _bytes("key", document.get("key")), _headers(document.get("headers", []))
    return LineRecord(topic, key, headers, _value(document["value"]), timestamp)


def _from_bytes(raw: bytes | None) -> str | dict[str, str] | None:
    if raw is None:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return {_BASE64: b64encode(raw).decode()}


def _bytes(name: str, given: Any) -> bytes | None:
    try:
        match given:
            case None:
                return None
            case str():
                return given.encode()
            case {"base64": str(text)} if len(given) == 1:
                return b64decode(text, validate=True)
    except (UnicodeEncodeError, binascii.Error, ValueError):
        pass
    raise UnreadableLine(f'{name}: should be null, a text or {{"base64": "..."}}')


def _value(given: Any) -> bytes | None:
    if isinstance(given, dict) and given.keys() != {_BASE64}:
        # A lone surrogate becomes bytes that are no UTF-8, as it would on its way to Kafka.
        return json.dumps(given, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return _bytes("value", given)


def _is_whole(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _headers(given: Any) -> list[tuple[str, bytes | None]]:
    pairs = [[name, value] for name, value in given.items()] if isinstance(given, dict) else given
    if not isinstance(pairs, list):
        raise UnreadableLine("headers: should be a list of pairs")
    headers = []
    for number, pair in enumerate(pairs):
        if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) and _is_whole(pair[0])):
            raise UnreadableLine(f"headers.{number}: should be a name and a value")
        headers.append((pair[0], _bytes(f"headers.{number}", pair[1])))
    return headers
