"""The attributes of a message, in headers or beside its data."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from schemas.envelope import Envelope, binary, binary_headers, by_name, is_structured, structured
from schemas.errors import DeadLetterCode, Undecodable
from tests.schemas.builders import AT, headers

TYPE = "se.vgregion.kiv.staff.v1"
DOCUMENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "an-id",
    "source": "a-source",
    "type": TYPE,
    "time": "2026-05-26T09:13:05Z",
}
PLAIN = Envelope("an-id", "a-source", TYPE, AT, None, None, None)


def refusal(call: Any, *arguments: Any) -> str:
    """The detail with which the envelope is refused."""
    with pytest.raises(Undecodable) as caught:
        call(*arguments)
    assert caught.value.reason.code is DeadLetterCode.INVALID_ENVELOPE
    return caught.value.reason.detail


def test_what_is_written_is_binary_mode_as_in_the_contract() -> None:
    assert sorted(binary_headers("an-id", "a-source", TYPE, AT, subject="abc")) == [
        ("ce_id", b"an-id"),
        ("ce_source", b"a-source"),
        ("ce_specversion", b"1.0"),
        ("ce_subject", b"abc"),
        ("ce_time", b"2026-05-26T09:13:05Z"),
        ("ce_type", TYPE.encode()),
        ("content-type", b"application/json"),
    ]


def test_what_is_written_can_be_read() -> None:
    carried = {"correlation_id": "c", "traceparent": "00-1-2-01", "tracestate": "x=y"}

    read = binary(by_name(binary_headers("é", "a-source", TYPE, AT, **carried)))

    assert read == Envelope("é", "a-source", TYPE, AT, "c", "00-1-2-01", "x=y")


def test_names_are_matched_without_case() -> None:
    shouted = [(name.upper(), value) for name, value in headers(TYPE)]

    assert binary(by_name(shouted)) == PLAIN


def test_the_last_of_repeated_headers_counts() -> None:
    assert binary(by_name([("ce_id", b"first"), ("CE_ID", b"second"), *headers(TYPE)])) == PLAIN


def test_unknown_headers_may_hold_anything() -> None:
    junk = [("x", None), ("ce_x", b"\xff\xfe"), ("", b""), ("traceid", b"\x00")]

    assert binary(by_name([*junk, *headers(TYPE)])) == PLAIN


@pytest.mark.parametrize("name", ["ce_correlationid", "traceparent", "tracestate"])
@pytest.mark.parametrize("value", [None, b"", b"\xff", b"a\x00b"])
def test_an_optional_header_that_cannot_be_carried_on_is_left_out(name: str, value: bytes | None) -> None:
    assert binary(by_name(headers(TYPE, **{name: value}))) == PLAIN


@pytest.mark.parametrize("name", ["ce_id", "ce_source", "ce_type"])
@pytest.mark.parametrize("value", [None, b"", b"\xff", b"a\x00b"])
def test_a_required_header_that_is_no_text_is_refused_by_name(name: str, value: bytes | None) -> None:
    assert refusal(binary, by_name(headers(TYPE, **{name: value}))) == f"{name}: should be a text that is not empty"


@pytest.mark.parametrize("name", ["ce_specversion", "ce_id", "ce_source", "ce_type"])
def test_a_required_header_that_is_missing_is_refused_by_name(name: str) -> None:
    found = {key: value for key, value in headers(TYPE) if key != name}

    assert refusal(binary, found).startswith(f"{name}: ")


@pytest.mark.parametrize("version", [None, b"", b"0.3", b"1", b"1.0 ", b"\xff"])
def test_another_version_of_cloudevents_is_refused(version: bytes | None) -> None:
    assert refusal(binary, by_name(headers(TYPE, ce_specversion=version))) == "ce_specversion: should be 1.0"


def test_the_time_alone_may_be_missing_t2() -> None:
    expected = PLAIN._replace(time=None)

    assert binary(by_name(headers(TYPE, ce_time=None))) == expected
    assert binary({name: value for name, value in headers(TYPE) if name != "ce_time"}) == expected
    assert structured(DOCUMENT | {"time": None}, {}) == expected


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-05-26T09:13:05Z", AT),
        ("2026-05-26t09:13:05z", AT),
        ("2026-05-26T11:13:05+02:00", AT),
        ("2026-05-26T09:13:05-00:00", AT),
        ("2026-05-26T09:13:05.5Z", AT + timedelta(milliseconds=500)),
        ("2026-05-26T09:13:05.123456789Z", AT + timedelta(microseconds=123456)),
        ("2026-05-26T09:13:05." + "0" * 60 + "Z", AT),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
        ("1969-12-31T23:30:00-01:00", datetime(1970, 1, 1, 0, 30, tzinfo=UTC)),
        ("2999-12-31T23:59:59.999999Z", datetime(2999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_as_rfc_3339_says_and_kept_in_utc(text: str, time: datetime) -> None:
    read = binary(by_name(headers(TYPE, ce_time=text.encode()))).time

    assert read == time
    assert read is not None
    assert read.tzinfo is UTC
    assert structured(DOCUMENT | {"time": text}, {}).time == time


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00Z",
        "1969-12-31T23:59:59.999999Z",
        "1970-01-01T00:30:00+01:00",
        "3000-01-01T00:00:00Z",
        "9999-12-31T23:59:59.9999999Z",
        "0001-01-01T00:00:00.0000000+01:00",
        "9999-12-31T23:59:59-01:00",
        "9999-12-31T23:59:60Z",
    ],
)
def test_a_time_outside_the_years_1970_to_2999_counts_as_missing_t2(text: str) -> None:
    assert binary(by_name(headers(TYPE, ce_time=text.encode()))).time is None
    assert structured(DOCUMENT | {"time": text}, {}).time is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-05-26",
        "2026-05-26T09:13Z",
        "2026-05-26T09:13:05",
        "2026-05-26 09:13:05Z",
        "2026-05-26T09:13:05,5Z",
        "2026-05-26T09:13:05.Z",
        "2026-05-26T09:13:05+02",
        "2026-05-26T09:13:05+0200",
        "2026-05-26T09:13:05+24:00",
        "2026-05-26T09:13:05+01:60",
        "2026-05-26T24:00:00Z",
        "2026-05-26T09:60:05Z",
        "2026-05-26T09:13:61Z",
        "2026-02-30T09:13:05Z",
        "0000-05-26T09:13:05Z",
        "2026-W22-2T09:13:05Z",
        "20260526T091305Z",
        "1748250785",
        "2026-05-26T09:13:0\u0665Z",
        "2026-05-26T09:13:05Z\n",
        "9" * 100,
    ],
)
def test_a_malformed_time_is_refused(text: str) -> None:
    rule = "should be an RFC 3339 instant with offset"

    assert refusal(binary, by_name(headers(TYPE, ce_time=text.encode()))) == f"ce_time: {rule}"
    assert refusal(structured, DOCUMENT | {"time": text}, {}) == f"time: {rule}"


@pytest.mark.parametrize("time", [0, 1748250785, True, [], {}])
def test_a_time_that_is_no_text_is_refused(time: object) -> None:
    assert refusal(structured, DOCUMENT | {"time": time}, {}).startswith("time: ")


def test_a_time_of_bytes_that_are_no_text_is_refused() -> None:
    assert refusal(binary, by_name(headers(TYPE, ce_time=b"\xff"))).startswith("ce_time: ")


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        (None, True),
        (b"application/cloudevents+json", True),
        (b"Application/CloudEvents+JSON; charset=utf-8", True),
        (b"application/json", False),
        (b"application/json;charset=utf-8", False),
        (b" APPLICATION/JSON ; charset=UTF-8", False),
    ],
)
def test_the_content_type_says_where_the_attributes_stand(content_type: bytes | None, expected: bool) -> None:
    assert is_structured({"content-type": content_type}) is expected


def test_without_a_content_type_the_attributes_stand_beside_the_data() -> None:
    assert is_structured({}) is True


@pytest.mark.parametrize(
    "content_type", [b"", b"text/plain", b"application/cloudevents-batch+json", b"application/avro", b"\xff", b";"]
)
def test_any_other_content_type_is_refused(content_type: bytes) -> None:
    assert refusal(is_structured, {"content-type": content_type}).startswith("content-type: ")


def test_a_structured_message_carries_its_optional_attributes() -> None:
    carried = {"correlationid": "c", "traceparent": "00-1-2-01", "tracestate": "x=y"}

    assert structured(DOCUMENT | carried, {}) == Envelope("an-id", "a-source", TYPE, AT, "c", "00-1-2-01", "x=y")


def test_optional_headers_of_a_structured_message_count_where_it_says_nothing_itself() -> None:
    found = {"ce_correlationid": b"header", "traceparent": b"header", "tracestate": b"\xff"}

    read = structured(DOCUMENT | {"traceparent": "inside"}, found)

    assert (read.correlation_id, read.traceparent, read.tracestate) == ("header", "inside", None)


@pytest.mark.parametrize("value", [None, "", 5, True, [], {}, "a\x00b"])
@pytest.mark.parametrize("name", ["id", "source", "type"])
def test_a_required_attribute_that_is_no_text_is_refused_by_name(name: str, value: object) -> None:
    assert refusal(structured, DOCUMENT | {name: value}, {}) == f"{name}: should be a text that is not empty"


@pytest.mark.parametrize("version", [None, 1.0, "1", ["1.0"]])
def test_another_version_beside_the_data_is_refused(version: object) -> None:
    assert refusal(structured, DOCUMENT | {"specversion": version}, {}) == "specversion: should be 1.0"


def test_a_time_in_another_zone_is_the_same_instant() -> None:
    zone = timezone(timedelta(hours=2))

    assert dict(binary_headers("i", "s", TYPE, AT.astimezone(zone)))["ce_time"] == b"2026-05-26T09:13:05Z"


@pytest.mark.parametrize("name", ["id", "source", "type"])
def test_id_source_and_type_have_at_most_512_characters(name: str) -> None:
    at_limit, over = "å" * 512, "å" * 513
    rule = "should have at most 512 characters"

    assert getattr(binary(by_name(headers(TYPE, **{f"ce_{name}": at_limit.encode()}))), name) == at_limit
    assert getattr(structured(DOCUMENT | {name: at_limit}, {}), name) == at_limit
    assert refusal(binary, by_name(headers(TYPE, **{f"ce_{name}": over.encode()}))) == f"ce_{name}: {rule}"
    assert refusal(structured, DOCUMENT | {name: over}, {}) == f"{name}: {rule}"


@pytest.mark.parametrize("name", ["ce_correlationid", "traceparent", "tracestate"])
def test_an_optional_attribute_of_over_512_bytes_is_not_carried_on(name: str) -> None:
    field = {"ce_correlationid": "correlation_id"}.get(name, name)
    attribute = name.removeprefix("ce_")

    assert getattr(binary(by_name(headers(TYPE, **{name: b"x" * 512}))), field) == "x" * 512
    assert getattr(structured(DOCUMENT | {attribute: "x" * 512}, {}), field) == "x" * 512
    assert binary(by_name(headers(TYPE, **{name: b"x" * 513}))) == PLAIN
    assert structured(DOCUMENT | {attribute: "å" * 257}, {}) == PLAIN


PERSONNUMMER = ["199006022397", "kiv/199006022397/5", "19900602-2397", "x900602-2397", "199006622394", "900602+2397"]


@pytest.mark.parametrize("text", PERSONNUMMER)
@pytest.mark.parametrize("name", ["id", "source"])
def test_an_id_or_source_that_holds_a_personnummer_is_refused_without_it_d1(name: str, text: str) -> None:
    rule = "should not hold a personnummer"

    assert refusal(binary, by_name(headers(TYPE, **{f"ce_{name}": text.encode()}))) == f"ce_{name}: {rule}"
    assert refusal(structured, DOCUMENT | {name: text}, {}) == f"{name}: {rule}"


@pytest.mark.parametrize("text", PERSONNUMMER)
@pytest.mark.parametrize("name", ["ce_correlationid", "traceparent", "tracestate"])
def test_an_optional_attribute_that_holds_a_personnummer_is_not_carried_on_d1(name: str, text: str) -> None:
    assert binary(by_name(headers(TYPE, **{name: text.encode()}))) == PLAIN
    assert structured(DOCUMENT | {name.removeprefix("ce_"): text}, {}) == PLAIN


@pytest.mark.parametrize(
    "text",
    [
        "20260504083000",
        "199006022398",
        "9006022397",
        "1990060223970",
        "0f8fad5b-d9cb-469f-a165-199006022397",
        "1764221234567890123",
        "2026-05-27",
    ],
)
def test_other_digits_in_an_id_are_no_personnummer(text: str) -> None:
    assert binary(by_name(headers(TYPE, ce_id=text.encode()))).id == text


def test_attributes_in_headers_without_a_content_type_are_told_by_what_is_missing() -> None:
    found = {name: value for name, value in headers(TYPE) if name != "content-type"}

    rule = "should be application/json where the attributes are in headers"
    assert refusal(structured, {}, found) == f"content-type: {rule}"
