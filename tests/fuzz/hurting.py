"""Records of any size made to hurt: out of every message's schema, each part of it as large as is asked for."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from tests.fuzz.envelope import Headers
from tests.fuzz.schema import Json, Node, message
from tests.fuzz.stream import FuzzedRecord
from tests.fuzz.world import World
from tests.harness.consumer_record import NOON_MS
from tests.schemas.builders import EXAMPLES, headers

#: makes the value of a record of about so many bytes
Shape = Callable[[int], bytes]

MOST_BYTES = 1_048_576
#: what a list or text without a limit is filled with where everything is to be as large as is allowed
_ITEMS, _CHARACTERS = 200, 200


def records(ce_type: str) -> Iterator[tuple[str, Callable[[int], FuzzedRecord]]]:
    """Names of shapes, and what makes the record of a size."""
    for name, shape in shapes(ce_type):
        yield name, lambda size, shape=shape: _record(ce_type, shape(size))  # type: ignore[misc]
    for name, filling in _FILLINGS.items():
        unknown = f"unknown field: {name}"
        yield unknown, lambda size, filling=filling: _record(ce_type, _with(ce_type, filling(size)))  # type: ignore[misc]
        yield (
            f"{unknown}, structured",
            lambda size, filling=filling: _structured(ce_type, _with(ce_type, filling(size))),  # type: ignore[misc]
        )
    yield "a long key", lambda size: replace(_record(ce_type), key=b"7" * size)
    for name, number in (("one long header", 1), ("a hundred headers", 100), ("ten thousand headers", 10_000)):
        yield (
            name,
            lambda size, number=number: _with_headers(  # type: ignore[misc]
                ce_type, [(f"x{i}", b"7" * (size // number)) for i in range(number)]
            ),
        )
    for name in ("ce_correlationid", "tracestate", "ce_id", "ce_time", "ce_type", "content-type"):
        yield f"{name} of digits", lambda size, name=name: _with_headers(ce_type, [(name, b"7" * size)])  # type: ignore[misc]


def shapes(ce_type: str) -> Iterator[tuple[str, Shape]]:
    """Every part of the message in turn, and what no part of it is."""
    _, data = EXAMPLES[ce_type]
    node = message(ce_type)
    yield from _of_object(node, "", lambda made: data | made)
    yield "all that is allowed", lambda size: _fullest(node, data, size)
    yield "many unknown fields", lambda size: _json(data | {f"{i:06}": 0 for i in range(size // 11)})
    yield "blanks", lambda size: _json(data) + b" " * (size - len(_json(data)))
    field = next(iter(data))
    again = f'"{field}":{json.dumps(data[field])},'.encode()
    yield "one field many times", lambda size: b"{" + again * (size // len(again)) + _json(data)[1:]


def _of_object(node: Node, path: str, within: Callable[[Json], Json]) -> Iterator[tuple[str, Shape]]:
    for name, inner in node.fields.items():
        yield from _of(inner, f"{path}{name}", lambda value, name=name: within({name: value}))  # type: ignore[misc]


def _of(node: Node, path: str, within: Callable[[Any], Json]) -> Iterator[tuple[str, Shape]]:
    """Shapes of one field; `within` puts its value into the message."""
    if node.items is not None:
        for name, items in _lists(node.items):
            yield f"{path}: {name}", lambda size, items=items: _json(within(items(size)))  # type: ignore[misc]
        if node.items.fields:
            item = _item(node.items, 0)
            yield from _of_object(node.items, f"{path}[0].", lambda made: within([item | made]))
    elif node.fields:
        item = _item(node, 0)
        yield from _of_object(node, f"{path}.", lambda made: within(item | made))
    elif "string" in node.kinds:
        yield f"{path}: letters", lambda size: _json(within("å" * (size // 2)))
        yield f"{path}: digits", lambda size: _json(within("1990060223" * (size // 10)))
    elif "boolean" not in node.kinds:
        yield f"{path}: many digits", lambda size: _json(within("DIGITS")).replace(b'"DIGITS"', b"7" * size)


def _lists(items: Node) -> Iterator[tuple[str, Callable[[int], list[Any]]]]:
    if items.fields:
        one = _json(_item(items, 0))
        yield "many items", lambda size: [_item(items, i) for i in range(size // (len(one) + 1))]
        yield "the same item", lambda size: [_item(items, 0)] * (size // (len(one) + 1))
        yield "empty objects", lambda size: [{}] * (size // 3)
    else:
        yield "many ids", lambda size: [f"SE2321000131-E{i:012}" for i in range(size // 29)]
        yield "many numbers", lambda size: [f"{i:012}" for i in range(size // 15)]
        yield "empty texts", lambda size: [""] * (size // 3)
    yield "nulls", lambda size: [None] * (size // 5)


def _item(node: Node, number: int) -> Json:
    """A sound item, another for every number where it can be."""
    drawn = node.draw_object(World(random.Random(1)))
    for name, inner in node.fields.items():
        if name.endswith("hsa_id"):
            drawn[name] = f"SE2321000131-E{number:012}"
        elif name == "position_code":
            drawn[name] = "202010"
        elif inner.rules.get("format") == "date" and name == "end":
            drawn[name] = None
    return drawn


def _fullest(node: Node, data: Json, size: int) -> bytes:
    """As many items and letters as the schema allows everywhere, and as fit into the size."""
    share = 1.0
    while True:
        value = _json({**_filled(node, share), **{name: data[name] for name in data if name not in _LARGE}})
        if len(value) <= size:
            return value
        share *= 0.8


_LARGE = frozenset({"given_name", "surname", "name", "employments", "rows", "patient_ids", "profile"})


def _filled(node: Node, share: float) -> Any:
    if node.fields:
        return {name: _filled(inner, share) for name, inner in node.fields.items()}
    if node.items is not None:
        return [_filled(node.items, share)] * max(1, int(node.rules.get("maxItems", _ITEMS) * share))
    if node.name in ("position_code", "role"):
        return "202010"
    if "string" in node.kinds and not {"pattern", "enum", "format"} & node.rules.keys():
        return "å" * int(node.rules.get("maxLength", _CHARACTERS) * min(1, share * 2))
    return node.draw_by_schema(World(random.Random(1)))


_FILLINGS: dict[str, Callable[[int], bytes]] = {
    "letters": lambda size: b'"' + b"x" * size + b'"',
    "escapes": lambda size: b'"' + rb"\u0041" * (size // 6) + b'"',
    "digits": lambda size: b"7" * size,
    "fraction": lambda size: b"0." + b"7" * size,
    "exponent": lambda size: b"1e" + b"9" * size,
    "small numbers": lambda size: b"[" + b"0," * (size // 2) + b"0]",
    "empty lists": lambda size: b"[" + b"[]," * (size // 3) + b"0]",
    "empty objects": lambda size: b"[" + b"{}," * (size // 3) + b"0]",
    "small objects": lambda size: b"[" + b'{"a":0},' * (size // 8) + b"0]",
    "short texts": lambda size: b"[" + b'"ab",' * (size // 5) + b"0]",
    "nested lists": lambda size: b"[" * (size // 2) + b"]" * (size // 2),
    "nested objects": lambda size: b'{"":' * (size // 5) + b"0" + b"}" * (size // 5),
    "199 levels, many times": lambda size: b"[" + (b"[" * 190 + b"]" * 190 + b",") * (size // 381) + b"0]",
    "a list that never ends": lambda size: b"[" * size,
}


def _with(ce_type: str, filling: bytes) -> bytes:
    return _json(EXAMPLES[ce_type][1])[:-1] + b',"unknown":' + filling + b"}"


def _json(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


def _record(ce_type: str, value: bytes | None = None) -> FuzzedRecord:
    topic, data = EXAMPLES[ce_type]
    key = str(data.get("hsa_id", "k")).encode()
    return FuzzedRecord(topic, key, _json(data) if value is None else value, headers(ce_type), NOON_MS)


def _with_headers(ce_type: str, more: Headers) -> FuzzedRecord:
    record = _record(ce_type)
    return replace(record, headers=[*record.headers, *more])


def _structured(ce_type: str, value: bytes) -> FuzzedRecord:
    record = _record(ce_type)
    about = {name[3:]: (text or b"").decode() for name, text in record.headers if name[:3] == "ce_"}
    return replace(record, value=_json(about)[:-1] + b',"data":' + value + b"}", headers=[])
