"""CloudEvents 1.0 on Kafka: the attributes of a message, in headers (binary) or beside its data (structured)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, Protocol

from schemas import instants
from schemas.errors import DeadLetterCode, Undecodable
from schemas.fields import instant
from schemas.ids import holds_patient_id

__all__ = [
    "Envelope",
    "Headers",
    "Record",
    "binary",
    "binary_headers",
    "by_name",
    "instant",
    "is_structured",
    "shared_headers",
    "structured",
]

Headers = list[tuple[str, bytes]]

#: the shape, and what Python's versions differ in; the rest is judged by datetime
_is_rfc3339 = re.compile(r"....-..-..T(?:[01].|2[0-3]):..:..(?:\.[0-9]+)?(?:Z|[+-]..:[0-5].)").fullmatch
_LONGEST_KEPT_TIME = 40
_OUT_OF_RANGE = datetime.min.replace(tzinfo=UTC)
#: most characters of id, source and type, and most bytes of an optional attribute that is carried on
MAX_ATTRIBUTE_LENGTH = 512
#: random hexadecimal digits now and then look like a personnummer
_is_uuid = re.compile(
    "[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE
).fullmatch
#: the headers by which a message in binary mode is told, also where its content type is missing
_ATTRIBUTES = frozenset({"ce_specversion", "ce_id", "ce_source", "ce_type"})
#: the headers that publishers give, as they write them; any other makes names be compared without case
_NAMES = frozenset(
    {
        "content-type",
        "ce_specversion",
        "ce_id",
        "ce_source",
        "ce_type",
        "ce_time",
        "ce_subject",
        "ce_correlationid",
        "traceparent",
        "tracestate",
    }
)


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
    about = [] if subject is None else [("ce_subject", subject.encode())]
    shared = shared_headers(source, type, time, correlation_id, traceparent, tracestate)
    return [("ce_id", id.encode()), *about, *shared]


def shared_headers(
    source: str,
    type: str,
    time: datetime,
    correlation_id: str | None = None,
    traceparent: str | None = None,
    tracestate: str | None = None,
) -> Headers:
    """Those of them that are the same in all messages of one type and one cause."""
    attributes = (
        ("ce_specversion", "1.0"),
        ("ce_source", source),
        ("ce_type", type),
        ("ce_time", instant(time)),
        ("content-type", "application/json"),
        ("ce_correlationid", correlation_id),
        ("traceparent", traceparent),
        ("tracestate", tracestate),
    )
    return [(name, text.encode()) for name, text in attributes if text is not None]


def by_name(headers: Sequence[tuple[str, bytes | None]]) -> dict[str, bytes | None]:
    """The headers by lower-case name; of repeated ones the last counts."""
    found = dict(headers)
    return found if _NAMES.issuperset(found) else {name.lower(): value for name, value in headers}


def is_structured(headers: Mapping[str, bytes | None]) -> bool:
    """Whether the attributes stand beside the data: where content-type says so or nothing. Raises Undecodable."""
    content_type = headers.get("content-type")
    if content_type == b"application/json":
        return False
    if content_type is None:
        return True
    media_type = content_type.split(b";", 1)[0].strip().lower()
    if media_type in (b"application/json", b"application/cloudevents+json"):
        return media_type != b"application/json"
    raise _invalid("content-type", "should be application/json or application/cloudevents+json")


def binary(headers: Mapping[str, bytes | None]) -> Envelope:
    """The envelope in the headers. Raises Undecodable, never with a value."""
    get = headers.get
    if get("ce_specversion") != b"1.0":
        raise _invalid("ce_specversion", "should be 1.0")
    return Envelope(
        _identifier("ce_id", get("ce_id")),
        _source("ce_source", get("ce_source")),
        _type("ce_type", get("ce_type")),
        None if (time := get("ce_time")) is None else _time("ce_time", time),
        None if (text := get("ce_correlationid")) is None else _carried(text),
        None if (text := get("traceparent")) is None else _carried(text),
        None if (text := get("tracestate")) is None else _carried(text),
    )


def structured(document: Mapping[str, object], headers: Mapping[str, bytes | None]) -> Envelope:
    """The envelope beside the data of one JSON object, optional attributes also in headers. Raises Undecodable."""
    get = document.get
    if get("specversion") != "1.0":
        if headers.get("content-type") is None and not _ATTRIBUTES.isdisjoint(headers):
            raise _invalid("content-type", "should be application/json where the attributes are in headers")
        raise _invalid("specversion", "should be 1.0")
    time = get("time")
    return Envelope(
        _identifier("id", _encoded(get("id"))),
        _source("source", _encoded(get("source"))),
        _type("type", _encoded(get("type"))),
        None if time is None else _time("time", _encoded(time) or b""),
        _carried(_encoded(get("correlationid")) or headers.get("ce_correlationid")),
        _carried(_encoded(get("traceparent")) or headers.get("traceparent")),
        _carried(_encoded(get("tracestate")) or headers.get("tracestate")),
    )


def _invalid(attribute: str, rule: str) -> Undecodable:
    return Undecodable(DeadLetterCode.INVALID_ENVELOPE, f"{attribute}: {rule}")


def _identifier(attribute: str, value: bytes | None) -> str:
    text = _text(attribute, value)
    if holds_patient_id(text) and not _is_uuid(text):
        raise _invalid(attribute, "should not hold a personnummer")
    return text


def _text(attribute: str, value: bytes | None) -> str:
    text = _decoded(value)
    if text is None:
        raise _invalid(attribute, "should be a text that is not empty")
    if len(text) > MAX_ATTRIBUTE_LENGTH:
        raise _invalid(attribute, f"should have at most {MAX_ATTRIBUTE_LENGTH} characters")
    return text


#: a topic has few sources and types; one that is too long raises, and what raises is not kept
_source, _type = lru_cache(maxsize=256)(_identifier), lru_cache(maxsize=256)(_text)


def _carried(value: bytes | None) -> str | None:
    """An optional attribute; None where it cannot be carried on, is too long, or holds a personnummer (D1)."""
    text = None if value is None or len(value) > MAX_ATTRIBUTE_LENGTH else _decoded(value)
    return None if text is None or holds_patient_id(text) else text


def _decoded(value: bytes | None) -> str | None:
    """The text; None where there is none, or none that can be carried on."""
    if not value or 0 in value:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def _encoded(value: object) -> bytes | None:
    return value.encode() if isinstance(value, str) else None


def _time(attribute: str, value: bytes) -> datetime | None:
    """The instant; None where it is out of range, which counts as missing (T2)."""
    # what is long is never kept in the cache
    time = _parsed(value) if len(value) <= _LONGEST_KEPT_TIME else _parsed.__wrapped__(value)
    if time is None:
        raise _invalid(attribute, "should be an RFC 3339 instant with offset")
    return time if instants.in_range(time) else None


@lru_cache(maxsize=256)
def _parsed(value: bytes) -> datetime | None:
    try:
        text = value.decode("ascii").upper()
        if not _is_rfc3339(text):
            return None
        if text[17:19] == "60":
            # a leap second, which datetime does not know
            return datetime.fromisoformat(f"{text[:17]}59{text[19:]}").astimezone(UTC) + timedelta(seconds=1)
        time = datetime.fromisoformat(text)
        return time if time.tzinfo is UTC else time.astimezone(UTC)
    except OverflowError:  # in UTC it lies before year 1 or after 9999: .NET's zero time, written east of Greenwich
        return _OUT_OF_RANGE
    except ValueError:
        return None
