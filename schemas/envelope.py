"""CloudEvents 1.0 on Kafka: the attributes of a message, in headers (binary) or beside its data (structured)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import NamedTuple, NoReturn, Protocol

from schemas.errors import DeadCode, Unreadable
from schemas.fields import instant

__all__ = ["Envelope", "Headers", "Mode", "Record", "binary", "binary_headers", "instant", "mode", "structured"]

Headers = list[tuple[str, bytes]]

_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
)
_LONGEST_KEPT_TIME = 40


class Record(Protocol):
    """A record as a Kafka client gives it; `timestamp` in ms since 1970. Any header may hold any bytes, or null."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


class Mode(Enum):
    """Where the attributes stand."""

    BINARY = "binary"
    STRUCTURED = "structured"


class Envelope(NamedTuple):
    """What a message says of itself; `source` and `id` name it for ever, `time` is in UTC."""

    id: str
    source: str
    type: str
    time: datetime | None
    correlation_id: str | None
    traceparent: str | None
    tracestate: str | None


def binary_headers(
    id: str,
    source: str,
    type: str,
    time: datetime,
    *,
    subject: str | None = None,
    correlation_id: str | None = None,
    traceparent: str | None = None,
    tracestate: str | None = None,
) -> Headers:
    """The headers of a message in binary mode; what is None is left out."""
    attributes = (
        ("ce_specversion", "1.0"),
        ("ce_id", id),
        ("ce_source", source),
        ("ce_type", type),
        ("ce_time", instant(time)),
        ("content-type", "application/json"),
        ("ce_subject", subject),
        ("ce_correlationid", correlation_id),
        ("traceparent", traceparent),
        ("tracestate", tracestate),
    )
    return [(name, text.encode()) for name, text in attributes if text is not None]


def mode(content_type: bytes | None) -> Mode:
    """The mode that the content-type says; absent is structured. Raises Unreadable for any other."""
    if content_type == b"application/json":
        return Mode.BINARY
    if content_type is None:
        return Mode.STRUCTURED
    media_type = content_type.split(b";", 1)[0].strip().lower()
    if media_type == b"application/json":
        return Mode.BINARY
    if media_type == b"application/cloudevents+json":
        return Mode.STRUCTURED
    raise _invalid("content-type", "should be application/json or application/cloudevents+json")


def binary(headers: Mapping[str, bytes | None]) -> Envelope:
    """The envelope in headers with lower-case names. Raises Unreadable, never with a value."""
    get = headers.get
    if get("ce_specversion") != b"1.0":
        raise _invalid("ce_specversion", "should be 1.0")
    return Envelope(
        _decoded(get("ce_id")) or _missing("ce_id"),
        _decoded(get("ce_source")) or _missing("ce_source"),
        _decoded(get("ce_type")) or _missing("ce_type"),
        None if (time := get("ce_time")) is None else _time("ce_time", time),
        None if (text := get("ce_correlationid")) is None else _decoded(text),
        None if (text := get("traceparent")) is None else _decoded(text),
        None if (text := get("tracestate")) is None else _decoded(text),
    )


def structured(document: Mapping[str, object]) -> Envelope:
    """The envelope beside the data of one JSON object. Raises Unreadable, never with a value."""
    get = document.get
    if get("specversion") != "1.0":
        raise _invalid("specversion", "should be 1.0")
    time = get("time")
    if time is not None and not isinstance(time, str):
        raise _invalid("time", "should be an RFC 3339 instant with offset")
    return Envelope(
        _decoded(_encoded(get("id"))) or _missing("id"),
        _decoded(_encoded(get("source"))) or _missing("source"),
        _decoded(_encoded(get("type"))) or _missing("type"),
        None if time is None else _time("time", time.encode()),
        _decoded(_encoded(get("correlationid"))),
        _decoded(_encoded(get("traceparent"))),
        _decoded(_encoded(get("tracestate"))),
    )


def _invalid(attribute: str, rule: str) -> Unreadable:
    return Unreadable(DeadCode.INVALID_ENVELOPE, f"{attribute}: {rule}")


def _missing(attribute: str) -> NoReturn:
    raise _invalid(attribute, "should be a text that is not empty")


def _decoded(value: bytes | None) -> str | None:
    """The text; None where there is none, or none that can be carried on."""
    if not value or b"\0" in value:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def _encoded(value: object) -> bytes | None:
    return value.encode() if isinstance(value, str) else None


def _time(attribute: str, value: bytes) -> datetime:
    # what is long is never kept in the cache
    time = _parsed(value) if len(value) <= _LONGEST_KEPT_TIME else _parsed.__wrapped__(value)
    if time is None:
        raise _invalid(attribute, "should be an RFC 3339 instant with offset")
    return time


@lru_cache(maxsize=8_192)
def _parsed(value: bytes) -> datetime | None:
    try:
        text = value.decode("ascii").upper()
        if not _RFC3339.fullmatch(text):
            return None
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
