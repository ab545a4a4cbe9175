"""Which code a record dies with, and that its detail says nothing but path and rule (D1)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from schemas.errors import DeadLetterCode
from schemas.read import read
from schemas.topics import (
    KIV_STAFF,
    KIV_UNIT,
    MAX_VALUE_BYTES,
    TOPICS,
    VARDVAL_LISTING,
)
from tests.schemas.builders import (
    LISTING_DATA,
    PATIENT,
    STAFF_DATA,
    UNIT,
    Record,
    binary,
    headers,
    listing_of,
    refusal,
    structured,
    to_json,
    undecodable,
    without,
)

LISTING = "se.vgregion.vardval.listing.v1"
STAFF = "se.vgregion.kiv.staff.v1"
INPUTS = [topic.name for topic in TOPICS if topic.direction == "in"]


@pytest.mark.parametrize("value", [listing_of(MAX_VALUE_BYTES + 1), b"\xff" * (MAX_VALUE_BYTES + 1)])
def test_a_value_over_one_mebibyte_is_too_large_before_anything_else(value: bytes) -> None:
    assert refusal(Record(VARDVAL_LISTING, value)).code is DeadLetterCode.TOO_LARGE


NOT_JSON = [
    b"",
    b" ",
    b"\x00",
    b"\xff\xfe{}",
    b"\xef\xbb\xbf{}",
    '{"a": "å"}'.encode("latin-1"),
    '{"a": 1}'.encode("utf-16"),
    b"{",
    b"{}x",
    b"{} {}",
    b"{'a': 1}",
    b'{"a": 1,}',
    b'{"a": 01}',
    b'{"a": +1}',
    b'{"a": .5}',
    b'{"a": NaN}',
    b'{"a": Infinity}',
    b'{"a": [-Infinity]}',
    b'{"a": undefined}',
    b'{"a": True}',
    b'{"a": "\t"}',
    b'{"a": "\x00"}',
    b'{"a": "\\x"}',
    b'{"a": "\\ud800"}',
    b'{"\\udc00": 1}',
    b'{"a": "\xed\xa0\x80"}',
    b'{"a": "\xc0\x80"}',
    b"// {}",
    b"[" * 100_000,
    b"[" * 100_000 + b"]" * 100_000,
    b'{"a": ' * 50_000 + b"1" + b"}" * 50_000,
    b"1" * 5_000,
    b"key: value",
]


@pytest.mark.parametrize("value", NOT_JSON, ids=range(len(NOT_JSON)))
@pytest.mark.parametrize("found", [[], headers(LISTING), headers("unknown", ce_id=None), [("content-type", b"x")]])
def test_what_is_not_json_is_invalid_json_whatever_else_is_wrong(found: Any, value: bytes) -> None:
    error = refusal(Record(VARDVAL_LISTING, value, found))

    assert (error.code, error.detail) == (DeadLetterCode.INVALID_JSON, "value: should be JSON in UTF-8")


@pytest.mark.parametrize("word", [b"NaN", b"Infinity", b"-Infinity"])
def test_a_number_that_is_none_is_invalid_json_also_in_a_field_that_nobody_reads(word: bytes) -> None:
    value = to_json(LISTING_DATA | {"more": "HERE"}).replace(b'"HERE"', word)

    assert refusal(binary(LISTING, value)).code is DeadLetterCode.INVALID_JSON


def test_such_a_word_inside_a_text_is_only_text() -> None:
    current = LISTING_DATA["current"] | {"reason": "NaN Infinity \\u0000 \\"}

    message = read(VARDVAL_LISTING, binary(LISTING, LISTING_DATA | {"current": current}))

    assert message.data.current.reason == "NaN Infinity \\u0000 \\"


@pytest.mark.parametrize(
    "changed",
    [
        {"ce_id": None},
        {"ce_id": b""},
        {"ce_id": b"\xff"},
        {"ce_source": None},
        {"ce_type": b""},
        {"ce_specversion": b"0.3"},
        {"ce_time": b"yesterday"},
        {"content_type": b"text/plain"},
    ],
)
def test_a_malformed_header_is_invalid_envelope_before_type_and_data(changed: dict[str, bytes | None]) -> None:
    record = replace(binary("unknown", {}, **changed), topic=VARDVAL_LISTING)

    assert refusal(record).code is DeadLetterCode.INVALID_ENVELOPE


@pytest.mark.parametrize(
    "changed",
    [
        {"id": ...},
        {"id": ""},
        {"id": 5},
        {"source": ...},
        {"source": None},
        {"type": ...},
        {"specversion": ...},
        {"specversion": 1.0},
        {"time": "yesterday"},
        {"time": 0},
    ],
)
def test_a_malformed_attribute_is_invalid_envelope_before_type_and_data(changed: dict[str, Any]) -> None:
    record = replace(structured("unknown", {}, **changed), topic=VARDVAL_LISTING)

    assert refusal(record).code is DeadLetterCode.INVALID_ENVELOPE


@pytest.mark.parametrize("value", [b"null", b"5", b'"text"', b"[]", b"true", b"[{}]"])
def test_json_that_is_no_object_has_no_envelope_in_structured_mode_and_no_data_in_binary(value: bytes) -> None:
    assert refusal(Record(VARDVAL_LISTING, value)).code is DeadLetterCode.INVALID_ENVELOPE
    assert refusal(binary(LISTING, value)).code is DeadLetterCode.INVALID_DATA


def test_a_binary_message_without_content_type_is_read_as_structured() -> None:
    error = refusal(binary(LISTING, content_type=None))

    assert (error.code, error.detail) == (
        DeadLetterCode.INVALID_ENVELOPE,
        "content-type: should be application/json where the attributes are in headers",
    )


@pytest.mark.parametrize("topic", INPUTS)
@pytest.mark.parametrize(
    "ce_type", ["x", "se.vgregion.kiv.staff.v2", LISTING.upper(), LISTING + " ", "se.vgregion.listning.x.v1", PATIENT]
)
def test_a_type_that_the_topic_does_not_carry_is_unknown_before_its_data(topic: str, ce_type: str) -> None:
    first, second = (replace(make(ce_type, {}), topic=topic) for make in (binary, structured))

    assert [refusal(first).code, refusal(second).code] == [DeadLetterCode.UNKNOWN_TYPE] * 2


def test_a_type_of_another_topic_is_unknown() -> None:
    assert refusal(replace(binary(LISTING), topic=KIV_STAFF)).code is DeadLetterCode.UNKNOWN_TYPE


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (without(LISTING_DATA, "patient_id"), "patient_id: Field required"),
        (without(LISTING_DATA, "sequence"), "sequence: Field required"),
        (LISTING_DATA | {"sequence": "5"}, "sequence: Input should be a valid integer"),
        (
            LISTING_DATA | {"current": {"unit_hsa_id": UNIT}},
            "current.valid_from: Field required",
        ),
        (
            LISTING_DATA | {"current": {"unit_hsa_id": UNIT, "valid_from": "2026-2-1"}},
            "current.valid_from: Input should be a date as YYYY-MM-DD",
        ),
        (
            LISTING_DATA | {"current": {"unit_hsa_id": UNIT, "valid_from": "2026-02-01", "reason": "\0"}},
            "current.reason: Input should not hold a NUL character",
        ),
    ],
)
def test_invalid_data_says_which_field_broke_which_rule(data: Any, detail: str) -> None:
    in_headers, beside = refusal(binary(LISTING, data)), refusal(structured(LISTING, data))

    assert (in_headers.code, in_headers.detail) == (DeadLetterCode.INVALID_DATA, detail)
    assert (beside.code, beside.detail) == (DeadLetterCode.INVALID_DATA, f"data.{detail}")


@pytest.mark.parametrize(
    "changed", [{"data": ...}, {"data": None}, {"data": ..., "data_base64": "e30="}, {"data": "{}"}, {"data": []}]
)
def test_a_structured_message_without_readable_data_is_invalid_data(changed: dict[str, Any]) -> None:
    value = {"specversion": "1.0", "id": "i", "source": "s", "type": LISTING} | changed
    record = Record(VARDVAL_LISTING, to_json({name: part for name, part in value.items() if part is not ...}))

    assert refusal(record).code is DeadLetterCode.INVALID_DATA


def test_nul_in_a_field_that_nobody_reads_does_no_harm() -> None:
    assert read(VARDVAL_LISTING, binary(LISTING, LISTING_DATA | {"more": "\0"})) == read(
        VARDVAL_LISTING, binary(LISTING)
    )


@pytest.mark.parametrize(
    "data",
    [
        LISTING_DATA | {"sequence": PATIENT},
        LISTING_DATA | {"sequence": int(PATIENT) * 10**12},
        LISTING_DATA | {"patient_id": PATIENT[:-1] + "0"},
        LISTING_DATA | {"patient_id": [PATIENT]},
        LISTING_DATA | {"patient_id": {PATIENT: PATIENT}},
        LISTING_DATA | {"protected": PATIENT},
        LISTING_DATA | {"current": PATIENT},
        LISTING_DATA | {"current": {PATIENT: PATIENT}},
        LISTING_DATA | {"current": {"unit_hsa_id": PATIENT, "valid_from": PATIENT}},
        LISTING_DATA | {"current": {"unit_hsa_id": UNIT, "valid_from": PATIENT}},
        LISTING_DATA | {"current": {"unit_hsa_id": UNIT, "valid_from": "2026-01-01", "reason": PATIENT + "\0"}},
        LISTING_DATA | {"care_burden": PATIENT},
        LISTING_DATA | {"care_burden": -int(PATIENT)},
        {PATIENT: PATIENT},
        [PATIENT],
        PATIENT,
    ],
)
def test_no_detail_holds_a_personnummer_wherever_it_stood_d1(data: Any) -> None:
    for record in (binary(LISTING, data), structured(LISTING, data)):
        assert "1990" not in str(refusal(record))


@pytest.mark.parametrize(
    "name", ["ce_id", "ce_source", "ce_type", "ce_time", "ce_specversion", "content-type", PATIENT]
)
def test_no_detail_holds_what_stood_in_a_header_d1(name: str) -> None:
    found = [*headers("unknown"), (name, PATIENT.encode() + b"\xff")]

    assert "1990" not in str(refusal(Record(VARDVAL_LISTING, b"{}", found)))


def test_an_error_brings_no_foreign_error_that_could_be_shown_with_it_d1() -> None:
    errors = [
        undecodable(binary(LISTING, LISTING_DATA | {"sequence": PATIENT})),
        undecodable(binary(LISTING, f'{{"{PATIENT}'.encode())),
        undecodable(binary(LISTING, ce_id=PATIENT.encode() + b"\xff")),
    ]

    assert [(error.__context__, error.__cause__) for error in errors] == [(None, None)] * 3


def test_numbers_too_great_for_their_field_are_invalid_data_not_invalid_json() -> None:
    for field, number in [("sequence", "9" * 30), ("care_burden", "1e400"), ("sequence", "1e2")]:
        value = json.dumps(LISTING_DATA | {field: "HERE"}).replace('"HERE"', number).encode()

        assert refusal(binary(LISTING, value)).code is DeadLetterCode.INVALID_DATA


def test_up_to_five_faults_of_a_record_are_told() -> None:
    data = {"hsa_id": "x", "version": 1.5, "given_name": 1, "surname": None, "protected": "no", "licences": "LK"}
    first_five = (
        "hsa_id: String should match pattern '^[Ss][Ee](16[0-9]{10}|(1[0-57-9]|[02-9][0-9])[0-9]{8})-[A-Za-z0-9]+$';"
        " version: Input should be a valid integer;"
        " given_name: Input should be a valid string;"
        " surname: Input should be a valid string;"
        " protected: Input should be a valid boolean"
    )

    assert refusal(binary(STAFF, data)).detail == first_five


def test_of_an_array_the_first_faulty_element_is_told_with_all_its_faults() -> None:
    posts = [{"unit_hsa_id": "SE2321000131-E1", "start": "2026-13-01", "end": 5}, {"unit_hsa_id": "x"}]

    assert refusal(binary(STAFF, STAFF_DATA | {"employments": posts})).detail == (
        "employments.0.start: Input should be a date as YYYY-MM-DD; employments.0.end: Input should be a valid string"
    )


@pytest.mark.parametrize("key", [None, b"", b"\xff", b"SE2321000131-E1", b"SE2321000131-E000000007623 "])
@pytest.mark.parametrize("ce_type", [STAFF, "se.vgregion.kiv.staff-removed.v1"])
def test_a_key_of_somebody_else_is_invalid_data(ce_type: str, key: bytes | None) -> None:
    for record in (binary(ce_type), structured(ce_type)):
        error = refusal(replace(record, key=key))

        assert (error.code, error.detail) == (DeadLetterCode.INVALID_DATA, "key: differs from hsa_id")


def test_a_key_is_compared_without_case() -> None:
    key = b"se2321000131-E000000000712"

    assert read(KIV_UNIT, replace(binary("se.vgregion.kiv.unit.v1"), key=key)).data.hsa_id == UNIT
