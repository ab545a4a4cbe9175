"""The envelope of a fuzzed record, in both modes, and ways to bend it, its key and its timestamp."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from tests.fuzz.bends import UNDERSTOOD, Bend, Expected
from tests.fuzz.world import PATIENTS, World

Headers = list[tuple[str, bytes | None]]

INVALID_ENVELOPE: Expected = frozenset({"invalid_envelope"})
#: (RFC 3339 or not, what becomes of it); outside 1970 to 2999 counts as missing
TIMES: list[tuple[str, Expected]] = [
    ("0001-01-01T00:00:00Z", UNDERSTOOD),
    ("0001-01-01T00:00:00+14:00", None),
    ("1969-12-31T23:59:59.999999Z", UNDERSTOOD),
    ("1970-01-01T00:00:00Z", UNDERSTOOD),
    ("2999-12-31T23:59:59Z", UNDERSTOOD),
    ("3000-01-01T00:00:00Z", UNDERSTOOD),
    ("9999-12-31T23:59:59.9999999Z", UNDERSTOOD),
    ("9999-12-31T23:59:59-12:00", None),
    ("2026-05-26T09:13:05.123456789+02:00", UNDERSTOOD),
    ("2026-05-26t09:13:05z", UNDERSTOOD),
    ("2016-12-31T23:59:60Z", None),
    ("9999-12-31T23:59:60Z", None),
    ("2026-05-26T24:00:00Z", INVALID_ENVELOPE),
    ("2026-05-26T09:60:00Z", INVALID_ENVELOPE),
    ("2026-02-30T09:00:00Z", INVALID_ENVELOPE),
    ("2026-05-26T09:13:05", INVALID_ENVELOPE),
    ("2026-05-26", INVALID_ENVELOPE),
    ("1748250785", INVALID_ENVELOPE),
    ("", None),
    ("2026-05-26T09:13:05." + "1" * 300 + "Z", None),
    ("２０２６-05-26T09:13:05Z", INVALID_ENVELOPE),
    ("2026-05-26T09:13:05+99:99", INVALID_ENVELOPE),
]
#: a required attribute as text, what becomes of it
_ATTRIBUTES: list[tuple[bytes, Expected]] = [
    (b"x" * 511, UNDERSTOOD),
    (b"x" * 512, UNDERSTOOD),
    (b"x" * 513, INVALID_ENVELOPE),
    ("å".encode() * 512, UNDERSTOOD),
    ("😀".encode() * 513, INVALID_ENVELOPE),
    (b"x" * 100_000, INVALID_ENVELOPE),
    (b"", INVALID_ENVELOPE),
    (b"\0", INVALID_ENVELOPE),
    (b"a\0b", INVALID_ENVELOPE),
    (b"\xff\xfe", INVALID_ENVELOPE),
    (b"\xed\xa0\x80", INVALID_ENVELOPE),
    (PATIENTS[0].encode(), INVALID_ENVELOPE),
    (f"id-{PATIENTS[1][:8]}-{PATIENTS[1][8:]}".encode(), INVALID_ENVELOPE),
    (f"urn:{PATIENTS[2][2:8]}+{PATIENTS[2][8:]}".encode(), INVALID_ENVELOPE),
    (b"/", UNDERSTOOD),
    ("\u202eא e\u0301".encode(), UNDERSTOOD),
    (b"\r\nce_id: x", None),
]
#: an optional header, which is carried on or not; nobody dies of it
_CARRIED = [
    b"",
    b"\0",
    b"\xff",
    b"x" * 512,
    b"x" * 513,
    b"x" * 60_000,
    PATIENTS[3].encode(),
    f"a/{PATIENTS[4][2:8]}-{PATIENTS[4][8:]}".encode(),
    "Ö".encode() * 256,
    "Ö".encode() * 257,
    b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
]
_CONTENT_TYPES: list[tuple[bytes | None, Expected]] = [
    (b"application/json; charset=utf-8", UNDERSTOOD),
    (b"APPLICATION/JSON", UNDERSTOOD),
    (b"text/plain", INVALID_ENVELOPE),
    (b"", INVALID_ENVELOPE),
    (b"application/cloudevents+avro", INVALID_ENVELOPE),
    (b"\xff", INVALID_ENVELOPE),
    (b"application/json" * 1000, INVALID_ENVELOPE),
    (b"application/cloudevents+json", None),
    (None, None),
]
_EXTRA: Headers = [
    ("x", None),
    ("x", b"\xff\x00"),
    ("", b""),
    ("å\u0301😀", b"1"),
    ("ce_", b"1"),
    ("dlq_code", b"invalid_json"),
    ("dlq_offset", b"-1"),
    ("fastlakare-seq", b"7"),
    ("fastlakare_run", b"x"),
    ("republished", b"true"),
    ("x" * 1000, b"y" * 30_000),
    ("ce_patient", PATIENTS[5].encode()),
]
_REQUIRED = ("ce_id", "ce_source", "ce_type")
TIMESTAMPS = [-1, 0, 1, -(2**63), 2**63 - 1, 1_779_796_800_000_000, 1_779_796_800_000_000_000, 253_402_300_799_999,
              253_402_300_800_000, 32_503_680_000_000, -62_135_596_800_000]  # fmt: skip


def bend_headers(world: World, headers: Headers) -> Bend:
    """Bends one header of a record in binary mode."""
    way = _WAYS[world.below(len(_WAYS))]
    return way(world, headers)


def _attribute(world: World, headers: Headers) -> Bend:
    name = world.pick(_REQUIRED)
    value, expected = world.pick(_ATTRIBUTES)
    _set(headers, name, value)
    if name == "ce_type" and expected is UNDERSTOOD:
        expected = frozenset({"unknown_type"})
    if name == "ce_type" and expected is INVALID_ENVELOPE:  # whatever it holds, it is no type of the topic
        expected = frozenset({"invalid_envelope", "unknown_type"})
    return Bend(f"{name}: {len(value)} bytes, {value[:20]!r}", expected)


def _time(world: World, headers: Headers) -> Bend:
    text, expected = world.pick(TIMES)
    _set(headers, "ce_time", text.encode())
    return Bend(f"ce_time: {text[:40]}", expected)


def _carried(world: World, headers: Headers) -> Bend:
    name = world.pick(("ce_correlationid", "traceparent", "tracestate"))
    value = world.pick(_CARRIED)
    headers.append((name, value))
    return Bend(f"{name}: {len(value)} bytes", UNDERSTOOD)


def _content_type(world: World, headers: Headers) -> Bend:
    value, expected = world.pick(_CONTENT_TYPES)
    _set(headers, "content-type", value)
    return Bend(f"content-type: {value and value[:40]!r}", expected)


def _another(world: World, headers: Headers) -> Bend:
    headers.insert(world.below(len(headers) + 1), world.pick(_EXTRA))
    return Bend("another header", UNDERSTOOD)


def _without(world: World, headers: Headers) -> Bend:
    name = world.pick(("ce_specversion", *_REQUIRED))
    missing = world.chance(0.5)
    _set(headers, name, None)
    if missing:
        headers.pop()
    return Bend(f"{name}: {'missing' if missing else 'null'}", INVALID_ENVELOPE)


def _as_a_whole(world: World, headers: Headers) -> Bend:
    way = world.below(4)
    if way == 0:
        headers[:] = [(name.upper(), value) for name, value in headers]
        return Bend("headers in capitals", UNDERSTOOD)
    if way == 1:
        headers += headers
        return Bend("headers twice", UNDERSTOOD)
    if way == 2:
        headers.reverse()
        return Bend("headers backwards", UNDERSTOOD)
    headers.clear()
    return Bend("no headers", INVALID_ENVELOPE)


def _set(headers: Headers, name: str, value: bytes | None) -> None:
    headers[:] = [*((one, old) for one, old in headers if one != name), (name, value)]


_WAYS: tuple[Callable[[World, Headers], Bend], ...] = (
    _attribute,
    _time,
    _carried,
    _content_type,
    _another,
    _without,
    _as_a_whole,
)


def structured(world: World, headers: Headers, data: bytes) -> tuple[bytes, Headers]:
    """The same message in structured mode."""
    kept: Headers = [] if world.chance(0.5) else [("content-type", b"application/cloudevents+json")]
    return _joined(_attributes(headers), data), kept


def bend_structured(world: World, headers: Headers, data: bytes) -> tuple[Bend, bytes, Headers]:
    """The message in structured mode, with one attribute bent."""
    attributes = _attributes(headers)
    way = world.below(4)
    if way == 0:
        name = "time"
        attributes["time"], expected = world.pick(TIMES)
    elif way == 1:
        name, expected = world.pick(("specversion", "id", "source", "type")), INVALID_ENVELOPE
        attributes[name] = world.pick((None, 1, 1.0, True, [], {}, ""))
    elif way == 2:
        name = world.pick(("id", "source"))
        value, expected = world.pick([one for one in _ATTRIBUTES if _is_text(one[0])])
        attributes[name] = value.decode()
    else:
        name, expected = world.pick(("correlationid", "traceparent", "subject", "datacontenttype", "other")), UNDERSTOOD
        attributes[name] = world.pick((None, 1, [], {}, "", "x" * 5_000, PATIENTS[6], "a\0b"))
    text = str(attributes[name])
    return Bend(f"structured {name}: {len(text)} characters, {text[:20]!r}", expected), _joined(attributes, data), []


def _attributes(headers: Headers) -> dict[str, Any]:
    return {name[3:]: (value or b"").decode(errors="replace") for name, value in headers if name[:3] == "ce_"}


def _joined(attributes: dict[str, Any], data: bytes) -> bytes:
    return orjson.dumps(attributes)[:-1] + (b"," if attributes else b"") + b'"data":' + data + b"}"


def _is_text(value: bytes) -> bool:
    try:
        return bool(value.decode())
    except UnicodeDecodeError:
        return False
