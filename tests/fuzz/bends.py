"""Ways to bend a message's data, and what the contract says must become of a record with that one bend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import orjson
from orjson import Fragment

from tests.fuzz.schema import Json, Node, Place, places
from tests.fuzz.world import World

READ = "read"
INVALID_JSON, INVALID_DATA = frozenset({"invalid_json"}), frozenset({"invalid_data"})
UNDERSTOOD = frozenset({READ})
#: what ends a record; None: the contract leaves it to what else the record holds
Expected = frozenset[str] | None


class Bend(NamedTuple):
    """What was done, and what must become of the record where nothing else was done."""

    name: str
    expected: Expected = None


def raw(text: str | bytes) -> Fragment:
    """JSON as it stands, sound or not."""
    return Fragment(text if isinstance(text, bytes) else text.encode())


_SAMPLES: dict[str, list[Any]] = {
    "null": [None],
    "boolean": [True, False],
    "integer": [0, -1, 20260526, 2**63 - 1],
    "number": [0.5, -1.5, 1e308],
    "string": ["", "1", "true", "null", "[]", "2026-05-26"],
    "array": [[], [None], [[]], [1, 2, 3]],
    "object": [{}, {"a": 1}, {"hsa_id": "SE2321000131-E1"}],
}
_INTEGERS = ["-0", "0", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
             "1" + "0" * 400, "9" * 4000, "-" + "9" * 4400, "199006022397"]  # fmt: skip
_NUMBERS = ["-0.0", "1.0", "1e5", "1E+2", "1e308", "1.7976931348623157e308", "1e400", "-1e400", "5e-324", "1e-400",
            "0.1e1", "-1", "1000000", "1000000.0000001", "1" * 400 + ".5"]  # fmt: skip
_NO_NUMBERS = [
    "NaN",
    "Infinity",
    "-Infinity",
    "01",
    "+1",
    ".5",
    "1.",
    "0x10",
    "1e",
    "--1",
    "1_000",
    "True",
    "undefined",
]
_DAYS = ["0001-01-01", "1582-10-10", "1899-12-31", "1969-12-31", "1970-01-01", "2000-02-29", "2099-12-31", "2999-12-31",
         "3000-01-01", "9999-12-30", "9999-12-31"]  # fmt: skip
_NO_DAYS = ["0000-01-01", "0000-00-00", "2025-02-29", "2025-13-01", "2025-04-31", "10000-01-01", "-001-01-01",
            "2025-1-1", "20250101", "2025-W01-1", "2025-01-01T00:00:00Z", " 2025-01-01", "2025-01-01 ",
            "２０２５-01-01", "1748250785", "1748250785000", "", "idag", "2025-01-01\u0000",
            "2025-01-01" * 2000]  # fmt: skip
_TEXTS = ["", " ", "\t\n\r", "\u00a0", "\u200b\u200d\ufeff", "\u202eabc\u202c", "مرحبا", "שלום", "e\u0301" * 20,
          "👩‍👩‍👧‍👦" * 5, "\u0001\u001f\u007f\u0085", "\u2028\u2029", "\ufffe\uffff",
          "\U0010ffff", "null", "' OR 1=1 --", "${jndi:x}",
          "{0}%s%n", "../../etc/passwd", "<script>", "\\u0000", '"', "İıſß", "199006022397", "19900602-2397",
          "900602+2397", "A" * 31]  # fmt: skip
_LETTERS = ["a", "å", "\u0301", "א", "👩", "\u0001", '"', "7"]


def bend_data(world: World, node: Node, data: Json) -> Bend:
    """Bends one place of the data in place."""
    found = list(places(node, data))
    if not found:
        return add(world, data)
    place = found[world.below(len(found))]
    how = _WAYS[world.below(len(_WAYS))]
    return how(world, place)


def _put(place: Place, value: Any) -> None:
    place.holder[place.key] = value


def _swap(world: World, place: Place) -> Bend:
    kinds = place.node.kinds
    other = [kind for kind in _SAMPLES if kind not in kinds and not (kind == "integer" and "number" in kinds)]
    kind = world.pick(other)
    _put(place, world.pick(_SAMPLES[kind]))
    # a null may stand for the default, and a number without decimals for an integer
    return Bend(f"{place.node.name}: {kind}", None if kind in ("null", "number") else INVALID_DATA)


def _drop(world: World, place: Place) -> Bend:
    if not isinstance(place.holder, dict):
        return _swap(world, place)
    del place.holder[place.key]
    return Bend(f"{place.node.name}: left out", INVALID_DATA if place.required else None)


def _edge(world: World, place: Place) -> Bend:
    node = place.node
    if node.fields or node.items is not None:
        return _list(world, place) if node.items is not None else _swap(world, place)
    if node.rules.get("format") == "date":
        return _day(world, place)
    if "integer" in node.kinds or "number" in node.kinds:
        return _number(world, place)
    if "string" in node.kinds and "enum" not in node.rules:
        return _text(world, place)
    return _swap(world, place)


def _day(world: World, place: Place) -> Bend:
    sound = world.chance(0.5)
    day = world.pick(_DAYS if sound else _NO_DAYS)
    _put(place, day)
    if place.node.name == "day":  # the turn of a day lies between these years
        sound = sound and "1970" <= day[:4] < "3000"
    expected = UNDERSTOOD if sound else INVALID_DATA
    return Bend(f"{place.node.name}: {day[:12]!r}", expected)


def _number(world: World, place: Place) -> Bend:
    rules, name = place.node.rules, place.node.name
    if world.chance(0.2):
        text = world.pick(_NO_NUMBERS)
        _put(place, raw(text))
        return Bend(f"{name}: {text[:12]}", INVALID_JSON)
    if "integer" in place.node.kinds and world.chance(0.7):
        low, high = rules.get("minimum", -(2**63)), rules.get("maximum", 2**63 - 1)
        text = world.pick([*_INTEGERS, str(low), str(high), str(low - 1), str(high + 1)])
        _put(place, raw(text))
        if len(text) > 4_000:  # more digits than some readers take for a number at all
            return Bend(f"{name}: {len(text)} digits", INVALID_DATA | INVALID_JSON)
        return Bend(f"{name}: {text[:24]}", None if low <= int(text) <= high else INVALID_DATA)
    text = world.pick(_NUMBERS)
    _put(place, raw(text))
    return Bend(f"{name}: {text[:24]}")


def _text(world: World, place: Place) -> Bend:
    rules, name = place.node.rules, place.node.name
    free = "pattern" not in rules and "minLength" not in rules
    most = rules.get("maxLength")
    too_long = UNDERSTOOD if place.node.answered else INVALID_DATA
    way = world.below(5)
    if way == 0:
        _put(place, raw(world.pick(['"\\ud800"', '"\\udfff x"', '"\\ud83d\\ud83d"', '"x\\udc00\\ud800"'])))
        return Bend(f"{name}: lone surrogate", INVALID_JSON)
    if way == 1:
        _put(place, "a\0b")
        return Bend(f"{name}: NUL")
    if way == 2 and most is not None:
        length = most + world.below(3) - 1
        _put(place, world.pick(_LETTERS) * length)
        return Bend(f"{name}: {length - most:+d} characters", too_long if length > most else None)
    if way == 3:
        length = world.pick((201, 513, 2000, 3000, 70_000 if world.chance(0.02) else 300))
        _put(place, world.pick(_LETTERS) * length)
        return Bend(f"{name}: {length} characters", too_long if most is not None and length > most else None)
    text = world.pick(_TEXTS)
    _put(place, text)
    sound = free and bool(text.strip()) and (most is None or len(text) <= most)
    return Bend(f"{name}: {text[:12]!r}", UNDERSTOOD if sound else None)


def _list(world: World, place: Place) -> Bend:
    node, name = place.node, place.node.name
    assert node.items is not None
    most = node.rules.get("maxItems")
    if most is not None and most <= 300 and world.chance(0.3):
        length = most + world.below(2)
        _put(place, [node.items.draw(world)] * length)
        return Bend(f"{name}: {length - most:+d} items", INVALID_DATA if length > most else None)
    if world.chance(0.02):
        length = world.pick((2_000, 2_001, 5_000))
        _put(place, [node.items.draw(world)] * length)
        return Bend(f"{name}: {length} items", INVALID_DATA if most is not None and length > most else None)
    length = world.pick((0, 1, 2, 40))
    _put(place, [node.items.draw(world)] * length)
    return Bend(f"{name}: {length} items, all the same")


_WAYS: tuple[Callable[[World, Place], Bend], ...] = (_swap, _drop, _edge, _edge, _edge)


def add(world: World, data: Json) -> Bend:
    """Fields that nobody knows: they are ignored, whatever a reader can read of them."""
    name = world.pick(("x", "patientnamn", "namn\u0000", "199006022397", "", "__class__", "x" * 300))
    value, expected = world.pick(_UNKNOWN)
    data[name] = value() if callable(value) else value
    return Bend(f"unknown field, {expected and min(expected)}", expected)


def nested(levels: int, opening: bytes = b"[", closing: bytes = b"]") -> bytes:
    """JSON so many levels deep."""
    return opening * levels + b"1" * (opening != b"[") + closing * levels


#: within an object already, so one level more than it says
_UNKNOWN: list[tuple[Any, Expected]] = [
    ({"deep": [1, 2.5, None, "x"]}, UNDERSTOOD),
    ([None] * 50, UNDERSTOOD),
    ("x" * 3000, UNDERSTOOD),
    (raw(nested(150)), UNDERSTOOD),
    (raw(nested(150, b'{"a":', b"}")), UNDERSTOOD),
    (raw(nested(198)), None),
    (raw(nested(199)), None),
    (raw(nested(200)), None),
    (raw(nested(201)), INVALID_JSON),
    (raw(nested(1_000)), INVALID_JSON),
    (raw(nested(300, b'{"a":', b"}")), INVALID_JSON),
    (lambda: raw(nested(100_000)), INVALID_JSON),
    (raw('"\\ud800"'), INVALID_JSON),
    (raw("NaN"), INVALID_JSON),
    (raw("-Infinity"), INVALID_JSON),
    (raw("1e400"), None),
    (raw("1" * 4_400), None),
    (raw('"\\u0000"'), None),
    (raw('"\\x41"'), INVALID_JSON),
    (raw(b'"\xff"'), INVALID_JSON),
    (raw(b'"\xed\xa0\x80"'), INVALID_JSON),
    (raw(b'"a\x01b"'), INVALID_JSON),
]


def twice(world: World, data: Json) -> tuple[Bend, bytes]:
    """The data with one of its fields once more; which of the two counts is nobody's promise."""
    name = world.pick(list(data)) if data else "x"
    again = world.pick((data.get(name), None, [], "", 0))
    text = orjson.dumps(data)
    value = text[:-1] + (b"," if data else b"") + orjson.dumps(name) + b":" + orjson.dumps(again) + b"}"
    return Bend(f"{name}: twice"), value


def bend_bytes(world: World, value: bytes) -> tuple[Bend, bytes]:
    """What a broken sender makes of a JSON object."""
    way = world.below(len(_BYTES))
    name, expected, change = _BYTES[way]
    return Bend(name, expected), change(world, value)


def _anywhere(world: World, value: bytes, part: bytes, instead: int = 0) -> bytes:
    at = world.below(len(value))
    return value[:at] + part + value[at + instead :]


def _padded(world: World, value: bytes, over: int) -> bytes:
    return value + b" " * (1_048_576 + over - len(value))


_OTHERS: list[bytes] = [
    b"",
    b" ",
    b"null",
    b"true",
    b"0",
    b'""',
    b"[]",
    b"{}",
    b"\0",
    b"\xff\xfe",
    b"<xml/>",
    b"\x1f\x8b\x08",
    b"\x00\x00\x00\x00\x01",
]
_Change = Callable[[World, bytes], bytes]
_BYTES: list[tuple[str, Expected, _Change]] = [
    ("cut short", INVALID_JSON, lambda world, value: value[: world.below(len(value))]),
    ("byte order mark", INVALID_JSON, lambda world, value: b"\xef\xbb\xbf" + value),
    ("UTF-16", INVALID_JSON, lambda world, value: value.decode("utf-8", "replace").encode("utf-16")),
    ("something behind", INVALID_JSON, lambda world, value: value + world.pick((b"}", b"x", b"\0", value))),
    ("blanks around", None, lambda world, value: b"\n\t " + value + b"\r\n"),
    (
        "no UTF-8",
        INVALID_JSON,
        lambda world, value: _anywhere(world, value, world.pick((b"\xff", b"\xc0\x80", b"\xf5"))),
    ),
    ("NUL byte", INVALID_JSON, lambda world, value: _anywhere(world, value, b"\0")),
    ("one byte flipped", None, lambda world, value: _anywhere(world, value, bytes([world.below(256)]), 1)),
    ("a bit lost", None, lambda world, value: _anywhere(world, value, b"", 1 + world.below(9))),
    ("something else", None, lambda world, value: world.pick(_OTHERS)),
    ("not an object", None, lambda world, value: b"[" + value + b"]"),
    ("two lines", INVALID_JSON, lambda world, value: value + b"\n" + value),
    ("single quotes", INVALID_JSON, lambda world, value: value.replace(b'"', b"'")),
]
#: at the limit of a record; seldom, for a megabyte takes its time
SIZES: list[tuple[str, Expected, _Change]] = [
    ("exactly 1 MiB", None, lambda world, value: _padded(world, value, 0)),
    ("a byte above 1 MiB", frozenset({"too_large"}), lambda world, value: _padded(world, value, 1)),
]
