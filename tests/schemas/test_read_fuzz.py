"""Whatever bytes a record holds, reading it ends in a message or in one of the five codes."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import DeadLetterCode, Undecodable
from schemas.read import Message, read
from schemas.topics import TOPICS
from tests.schemas.builders import EXAMPLES, Record, binary, calm, structured, to_json

TOPIC_NAMES = st.sampled_from([topic.name for topic in TOPICS if topic.messages])
NAMES = st.sampled_from(
    ["content-type", "Content-Type", "ce_specversion", "ce_id", "CE_SOURCE", "ce_type", "ce_time", "traceparent"]
)
VALUES = st.none() | st.binary(max_size=20) | st.sampled_from([b"1.0", b"application/json", *map(str.encode, EXAMPLES)])
HEADERS = st.lists(st.tuples(NAMES | st.text(max_size=5), VALUES), max_size=8)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.text()
    | st.dates().map(str)
    | st.sampled_from(["SE2321000131-E1", "199006022397", "ceiling", "\0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def outcome(topic: str, record: Record) -> Message | DeadLetterCode:
    """The message or the code; any other exception is a failure."""
    try:
        return read(topic, record)
    except Undecodable as error:
        refused = error.reason
    assert "\n" not in refused.detail
    assert len(refused.detail) < 3_000
    return refused.code


def paths(data: Any) -> list[tuple[Any, ...]]:
    """Where every part of the data stands."""
    items: Any = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [(), *((key, *path) for key, inner in items for path in paths(inner))]


def changed(data: Any, path: tuple[Any, ...], to: Any) -> Any:
    """The data with one part exchanged."""
    if not path:
        return to
    copy = dict(data) if isinstance(data, dict) else list(data)
    copy[path[0]] = changed(data[path[0]], path[1:], to)
    return copy


@calm
@given(TOPIC_NAMES, st.none() | st.binary(), st.none() | st.binary(), HEADERS)
def test_any_bytes_end_in_a_message_or_a_code(
    topic: str, key: bytes | None, value: bytes | None, found: list[tuple[str, bytes | None]]
) -> None:
    assert isinstance(outcome(topic, Record(topic, value, found, key)), Message | DeadLetterCode)


@calm
@given(TOPIC_NAMES, JSON, HEADERS)
def test_any_json_ends_in_a_message_or_a_code(topic: str, data: Any, found: list[tuple[str, bytes | None]]) -> None:
    value = json.dumps(data).encode()

    assert isinstance(outcome(topic, Record(topic, value, found)), Message | DeadLetterCode)


@calm
@given(st.sampled_from(sorted(EXAMPLES)), st.data(), JSON)
def test_a_message_with_one_part_exchanged_ends_alike_in_both_modes(ce_type: str, data: st.DataObject, to: Any) -> None:
    topic, example = EXAMPLES[ce_type]
    broken = changed(example, data.draw(st.sampled_from(paths(example))), to)
    beside = {"specversion": "1.0", "id": "an-id", "source": "a-source", "type": ce_type, "data": broken}

    first = outcome(topic, binary(ce_type, json.dumps(broken).encode(), ce_time=None))
    second = outcome(topic, Record(topic, json.dumps(beside).encode()))

    assert first == second
    assert isinstance(first, Message) or first in (DeadLetterCode.INVALID_DATA, DeadLetterCode.INVALID_JSON)


@calm
@given(st.sampled_from(sorted(EXAMPLES)), st.data())
def test_a_message_cut_anywhere_is_invalid_json(ce_type: str, data: st.DataObject) -> None:
    topic, example = EXAMPLES[ce_type]
    value = to_json(example)
    cut = data.draw(st.integers(0, len(value) - 1))

    assert outcome(topic, binary(ce_type, value[:cut])) is DeadLetterCode.INVALID_JSON


@calm
@given(st.sampled_from(sorted(EXAMPLES)))
def test_what_upstream_adds_changes_nothing(ce_type: str) -> None:
    topic, example = EXAMPLES[ce_type]
    more = example | {"added": {"deep": [1, 2.5, None, "x"]}}

    assert read(topic, structured(ce_type, more)) == read(topic, binary(ce_type))
