"""A record written as a line is the same record when it is read, byte for byte."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.errors import DeadLetterCode, Undecodable
from schemas.read import read
from schemas.record_lines import LineRecord, UnreadableLine, from_line, to_line
from schemas.topics import KIV_UNIT
from tests.harness import builders as a
from tests.harness.consumer_record import ConsumerRecord

UNIT = {"hsa_id": "SE2321000131-E000000000712", "version": 1, "name": "Vårdcentralen", "kind": "vardcentral"}
HEADERS = {"ce_specversion": "1.0", "ce_id": "1", "ce_source": "kiv", "ce_type": "se.vgregion.kiv.unit.v1",
           "content-type": "application/json"}  # fmt: skip

#: any bytes, texts more often than chance gives them
raw = st.none() | st.binary() | st.text(st.characters(exclude_categories=["Cs"])).map(str.encode)
headers = st.lists(
    st.tuples(st.sampled_from(["ce_id", "x", ""]) | st.text(st.characters(exclude_categories=["Cs"]), max_size=5), raw),
    max_size=5,
)

#: what somebody might type
fields = st.sampled_from(["topic", "key", "value", "headers", "timestamp"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["base64", "a"]), inner),
)


@given(
    st.builds(
        LineRecord,
        topic=st.sampled_from(["kiv.unit.v1", "vardval.listing.v1", ""]),
        key=raw,
        headers=headers,
        value=raw,
        timestamp=st.integers(-(2**63), 2**63 - 1),
        partition=st.just(0),
        offset=st.just(0),
    )
)
@example(LineRecord("t", None, [("n", None), ("n", b""), ("n", b"\xff")], b"\xef\xbb\xbf{}\r\n\0\xe2\x80\xa8", -1))
@example(LineRecord("t", b'{"base64": "AA=="}', [], b'{"base64": "AA=="}', 0))
def test_what_is_written_and_read_again_is_the_same_bytes(record: LineRecord) -> None:
    line = to_line(record)
    assert (line.count(b"\n"), line[-1:]) == (1, b"\n")
    assert from_line(line) == record


def test_a_record_of_a_kafka_client_is_written_without_its_place() -> None:
    record = ConsumerRecord("kiv.unit.v1", 3, 14, b"\xff", b"k", [("ce_id", b"1")], 7)
    assert to_line(record) == (
        b'{"topic":"kiv.unit.v1","key":"k","headers":[["ce_id","1"]],"value":{"base64":"/w=="},"timestamp":7}\n'
    )


def test_a_person_may_type_value_and_headers_as_objects_and_leave_out_the_rest() -> None:
    record = from_line(
        json.dumps({"topic": KIV_UNIT, "value": UNIT, "headers": HEADERS, "key": UNIT["hsa_id"]}).encode()
    )
    assert read(KIV_UNIT, record).data == a.unit(name="Vårdcentralen", version=1)
    assert record.timestamp == -1
    assert from_line(b'{"topic": "kiv.unit.v1", "value": null}') == LineRecord("kiv.unit.v1", None, [], None, -1)


@pytest.mark.parametrize(
    ("version", "detail"),
    [
        ("123456789012345678901234567890", "version: Input should be less than or equal to 9223372036854775807"),
        ("1.0", "version: Input should be a valid integer"),
    ],
)
def test_a_typed_number_is_judged_as_it_was_typed(version: str, detail: str) -> None:
    value = json.dumps(UNIT).replace('"version": 1', f'"version": {version}')
    line = f'{{"topic": "{KIV_UNIT}", "key": null, "headers": {json.dumps(HEADERS)}, "value": {value}}}'
    with pytest.raises(Undecodable) as refused:
        read(KIV_UNIT, from_line(line.encode()))
    assert refused.value.reason[:2] == (DeadLetterCode.INVALID_DATA, detail)


def test_a_typed_half_of_a_character_is_what_the_service_calls_it() -> None:
    record = from_line(b'{"topic": "kiv.unit.v1", "value": {"name": "\\ud800"}}')
    with pytest.raises(Undecodable, match="invalid_json"):
        read(KIV_UNIT, record._replace(headers=[(name, text.encode()) for name, text in HEADERS.items()]))


@given(st.binary() | st.dictionaries(fields, anything).map(lambda line: json.dumps(line).encode()))
def test_whatever_stands_in_a_line_is_a_record_or_told_as_none(line: bytes) -> None:
    try:
        record = from_line(line)
    except UnreadableLine:
        return
    assert from_line(to_line(record)) == record


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"", "should be a JSON object"),
        (b"[1]", "should be a JSON object"),
        (b'{"topic": ', "should be a JSON object"),
        (b"\xff", "should be a JSON object"),
        (b'{"value":' + b"[" * 100_000, "should be a JSON object"),
        (b'{"value": null}', "topic: should be there"),
        (b'{"topic": "t"}', "value: should be there"),
        (b'{"topic": 1, "value": null}', "topic: should be a text"),
        (b'{"topic": "t", "value": [1]}', 'value: should be null, a text or {"base64": "..."}'),
        (b'{"topic": "t", "value": {"base64": "*"}}', 'value: should be null, a text or {"base64": "..."}'),
        (b'{"topic": "t", "value": {"base64": "\xc3\xa5"}}', 'value: should be null, a text or {"base64": "..."}'),
        (b'{"topic": "t", "value": null, "key": "\\ud800"}', 'key: should be null, a text or {"base64": "..."}'),
        (b'{"topic": "t", "value": null, "key": 191212121212}', 'key: should be null, a text or {"base64": "..."}'),
        (b'{"topic": "t", "value": null, "timestamp": "1"}', "timestamp: should be a 64-bit number of milliseconds"),
        (b'{"topic": "t", "value": null, "timestamp": true}', "timestamp: should be a 64-bit number of milliseconds"),
        (
            b'{"topic": "t", "value": null, "timestamp": 9223372036854775808}',
            "timestamp: should be a 64-bit number of milliseconds",
        ),
        (b'{"topic": "t", "value": null, "headers": 1}', "headers: should be a list of pairs"),
        (b'{"topic": "t", "value": null, "headers": [["a"]]}', "headers.0: should be a name and a value"),
        (b'{"topic": "t", "value": null, "headers": {"\\ud800": "a"}}', "headers.0: should be a name and a value"),
        (
            b'{"topic": "t", "value": null, "headers": [["a", "b"], ["c", 1]]}',
            'headers.1: should be null, a text or {"base64": "..."}',
        ),
    ],
    ids=range(20),
)
def test_a_line_that_is_no_record_is_told_by_field_and_rule(line: bytes, why: str) -> None:
    with pytest.raises(UnreadableLine) as refused:
        from_line(line)
    assert str(refused.value) == why
    assert refused.value.__cause__ is None


def test_a_line_reads_as_json_for_everybody() -> None:
    record = LineRecord("kiv.unit.v1", b"k", [("a", None)], b"{}", 1)
    assert orjson.loads(to_line(record)) == {
        "topic": "kiv.unit.v1", "key": "k", "headers": [["a", None]], "value": "{}", "timestamp": 1,
    }  # fmt: skip
