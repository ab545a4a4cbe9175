"""From a Kafka record to a message, or to the code of a dead letter."""

from __future__ import annotations

import pytest

from schemas.envelope import Envelope
from schemas.errors import DeadLetterCode
from schemas.listing import ListingState
from schemas.read import Message, Tombstone, read
from schemas.topics import (
    FAST_LAKARKONTAKT,
    KIV_STAFF,
    KIV_UNIT,
    LISTNING_CLOCK,
    LISTNING_COMMAND,
    LISTNING_DOCTOR,
    LISTNING_REPLY,
    MAX_VALUE_BYTES,
    VARDVAL_LISTING,
)
from tests.schemas.builders import (
    AT,
    EXAMPLES,
    LISTING_DATA,
    PATIENT,
    UNIT,
    Record,
    binary,
    headers,
    listing_of,
    refusal,
    structured,
    to_json,
)

LISTING = "se.vgregion.vardval.listing.v1"


@pytest.mark.parametrize("ce_type", EXAMPLES)
def test_every_type_is_read_in_both_modes_alike(ce_type: str) -> None:
    topic, _ = EXAMPLES[ce_type]

    message = read(topic, binary(ce_type))

    assert message == read(topic, structured(ce_type))
    assert message.envelope == Envelope("an-id", "a-source", ce_type, AT, None, None, None)


def test_a_line_piped_into_any_client_works() -> None:
    line = b"""{"specversion": "1.0", "id": "1", "source": "me", "type": "se.vgregion.listning.day-began.v1",
               "data": {"day": "2026-05-27"}}"""

    message = read(LISTNING_CLOCK, Record(LISTNING_CLOCK, line, key=None))

    assert message.envelope == Envelope("1", "me", "se.vgregion.listning.day-began.v1", None, None, None, None)


def test_unknown_fields_are_ignored_wherever_they_stand() -> None:
    current = LISTING_DATA["current"] | {"more": [1, {"x": None}]}
    more = LISTING_DATA | {"more": {"given_name": "x"}, "current": current}

    assert read(VARDVAL_LISTING, binary(LISTING, more)) == read(VARDVAL_LISTING, binary(LISTING))
    assert read(VARDVAL_LISTING, structured(LISTING, more, extension=5)) == read(VARDVAL_LISTING, structured(LISTING))


def test_the_last_of_repeated_keys_counts() -> None:
    value = to_json(LISTING_DATA).replace(b'"sequence": 5', b'"sequence": "no", "sequence": 6')

    assert read(VARDVAL_LISTING, binary(LISTING, value)).data.sequence == 6


@pytest.mark.parametrize("topic", [KIV_STAFF, KIV_UNIT])
def test_a_null_value_removes_whom_the_key_names_s11(topic: str) -> None:
    assert read(topic, Record(topic, None, key=UNIT.lower().encode())) == Message(None, Tombstone(UNIT))


def test_a_null_value_needs_no_envelope_and_is_read_under_any_s11() -> None:
    record = Record(KIV_STAFF, None, [("content-type", b"\xff"), ("ce_id", None)], key=UNIT.encode())

    assert read(KIV_STAFF, record) == Message(None, Tombstone(UNIT))


@pytest.mark.parametrize("topic", [KIV_STAFF, KIV_UNIT])
@pytest.mark.parametrize("key", [None, b"", b"\xff", PATIENT.encode(), b'"' + UNIT.encode() + b'"', b"x" * 1_000_000])
def test_a_null_value_whose_key_is_no_hsa_id_is_invalid_data(topic: str, key: bytes | None) -> None:
    error = refusal(Record(topic, None, key=key))

    assert (error.code, error.detail) == (
        DeadLetterCode.INVALID_DATA,
        "key: should be an HSA-id where the value is null",
    )


@pytest.mark.parametrize("topic", [VARDVAL_LISTING, LISTNING_DOCTOR, FAST_LAKARKONTAKT])
@pytest.mark.parametrize("key", [None, b"\xff", b"any"])
def test_elsewhere_a_null_value_names_nobody(topic: str, key: bytes | None) -> None:
    assert read(topic, Record(topic, None, key=key)) == Message(None, Tombstone(None))


@pytest.mark.parametrize("topic", [LISTNING_COMMAND, LISTNING_CLOCK, LISTNING_REPLY])
def test_a_null_value_where_none_is_meant_is_invalid_json(topic: str) -> None:
    assert refusal(Record(topic, None, headers("x"))).code is DeadLetterCode.INVALID_JSON


def test_a_value_of_one_mebibyte_is_read() -> None:
    assert isinstance(read(VARDVAL_LISTING, binary(LISTING, listing_of(MAX_VALUE_BYTES))).data, ListingState)
