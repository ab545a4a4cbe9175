"""What operators see of a record: codes, versions, dates and HSA-ids, and of all else type and size."""

from __future__ import annotations

import copy
import re
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.redaction import contains_patient_id
from schemas.topics import KIV_STAFF, VARDVAL_LISTING
from tests.schemas.builders import (
    COMMAND_DATA,
    DOCTOR,
    EXAMPLES,
    PATIENT,
    STAFF_DATA,
    UNIT,
    Json,
    Record,
    binary,
    calm,
    command,
    structured,
    to_json,
)
from workers.operations.masking import show_record

_HSA_ID = re.compile(r"SE([0-9]+)-([A-Z0-9]+)", re.IGNORECASE)
_LONG = re.compile(r"(?<!\d)\d{10,12}(?!\d)")
STAFF, LISTING = "se.vgregion.kiv.staff.v1", "se.vgregion.vardval.listing.v1"


def shown(record: Record) -> dict[str, Any]:
    """The record as an operator sees it."""
    return show_record(record.topic, record)


def assert_names_nobody(text: str) -> None:
    """No run of 10 to 12 digits stands in the text but in HSA-ids, and those hide none."""
    assert not any(contains_patient_id(part) for found in _HSA_ID.findall(text) for part in found)
    assert _LONG.search(_HSA_ID.sub("", text)) is None


def test_a_person_is_shown_field_by_field_with_codes_versions_dates_and_hsa_ids_in_clear() -> None:
    assert shown(binary(STAFF)) == {
        "envelope": {
            "specversion": "1.0",
            "id": "an-id",
            "source": "a-source",
            "type": STAFF,
            "time": "2026-05-26T09:13:05Z",
        },
        "other_headers": 0,
        "key": DOCTOR,
        "value": {
            "hsa_id": DOCTOR,
            "version": 20260504083000,
            "vgr_id": "<text, 6 characters>",
            "given_name": "<text, 3 characters>",
            "surname": "<text, 9 characters>",
            "protected": "<true or false>",
            "licences": ["LK"],
            "specialties": ["20200"],
            "employments": [
                {
                    "unit_hsa_id": UNIT,
                    "position_code": "202010",
                    "title": "<text, 11 characters>",
                    "start": "2023-11-05",
                    "end": None,
                    "absences": [{"start": "2026-07-01", "end": "2026-08-15"}],
                }
            ],
        },
    }


def test_a_command_is_shown_without_patients_and_people() -> None:
    value = shown(structured("se.vgregion.listning.import-links.v1", command("import-links")))["value"]
    assert value == {
        "unit_hsa_id": UNIT,
        "actor": {"id": "<text, 6 characters>", "role": "<text, 7 characters>", "unit_hsa_id": UNIT},
        "import_id": "<text, 3 characters>",
        "part": "<number, 1 digits>",
        "parts": "<number, 1 digits>",
        "rows": [
            {
                "row": "<number, 2 digits>",
                "patient_id": "<text, 12 characters>",
                "unit_hsa_id": UNIT,
                "doctor_hsa_id": DOCTOR,
            }
        ],
    }


@pytest.mark.parametrize("wrong", [PATIENT, "19900602-2397", "900602-2397", int(PATIENT), [PATIENT], {"a": PATIENT}])
@pytest.mark.parametrize("field", ["hsa_id", "version", "licences", "specialties", "employments", "vgr_id"])
def test_a_value_that_has_not_its_fields_form_is_masked(field: str, wrong: Any) -> None:
    value = shown(binary(STAFF, {**STAFF_DATA, field: wrong}))["value"][field]
    assert re.search(r"\d{6}", str(value)) is None


@pytest.mark.parametrize("code", ["191212121212", "19121212", "Andersson", "ANDERSSON", "A B", ""])
def test_a_code_is_short_and_of_capitals_and_digits(code: str) -> None:
    assert shown(binary(STAFF, {**STAFF_DATA, "licences": [code]}))["value"]["licences"] == [
        f"<text, {len(code)} characters>"
    ]


def test_an_hsa_id_that_hides_a_personnummer_is_masked() -> None:
    hidden = f"SE2321000131-{PATIENT}"
    record = binary(STAFF, {**STAFF_DATA, "hsa_id": hidden})
    assert shown(record)["value"]["hsa_id"] == shown(record)["key"] == f"<text, {len(hidden)} characters>"


def test_fields_that_the_contract_does_not_have_are_counted_and_not_named() -> None:
    value = shown(binary("se.vgregion.kiv.unit-removed.v1", {"hsa_id": UNIT, PATIENT: "x", "version": 7}))["value"]
    assert value == {"hsa_id": UNIT, "version": 7, "unknown field 1": "<text, 1 characters>"}


@pytest.mark.parametrize(
    ("record", "value"),
    [
        (binary(STAFF, b"{"), "<1 bytes, not JSON>"),
        (binary(STAFF, b"\xff\xfe"), "<2 bytes, not JSON>"),
        (binary(STAFF, b"[1, 2]"), "<list, 2 items>"),
        (binary(STAFF, b'{"version": NaN}'), "<16 bytes, not JSON>"),
        (binary("a.type.of.somebody.else", {"a": 1}), "<object, 1 fields>"),
        (Record(VARDVAL_LISTING, None), None),
        (Record(KIV_STAFF, to_json({"hsa_id": DOCTOR})), "<object, 1 fields>"),
        (binary(LISTING, b'{"sequence": ' + b"9" * 30 + b"}"), {"sequence": "<number, over 64 bits>"}),
    ],
)
def test_what_cannot_be_understood_is_shown_as_shape_and_size(record: Record, value: Any) -> None:
    assert shown(record)["value"] == value


def test_an_envelope_with_a_personnummer_is_masked_where_it_has_it() -> None:
    envelope = shown(binary(STAFF, ce_id=PATIENT.encode(), ce_source=b"kiv \xff", ce_correlationid=b"19900602-2397"))
    assert envelope["envelope"] | {"type": "", "time": ""} == {
        "specversion": "1.0",
        "id": "<text, 12 characters>",
        "source": "<5 bytes>",
        "type": "",
        "time": "",
        "correlationid": "<text, 13 characters>",
    }


@pytest.mark.parametrize("of", EXAMPLES)
def test_no_example_shows_a_person_or_patient(of: str) -> None:
    for record in (binary(of), structured(of)):
        text = orjson.dumps(shown(record)).decode()
        assert PATIENT not in text
        assert "Karlström" not in text
        assert_names_nobody(text)


def places(part: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every part of a document."""
    inner = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    return [path, *(place for name, one in inner for place in places(one, (*path, name)))]


_DIGITS = st.text("0123456789", min_size=10, max_size=13)
_NUMBERS = st.one_of(
    st.just(PATIENT),
    _DIGITS,
    st.builds(lambda text: f"{text[:6]}-{text[6:]}", _DIGITS),
    st.builds(lambda text: f"SE{text[:10]}-{text}", _DIGITS),
    st.builds(lambda text, around: f"{around}{text}", _DIGITS, st.text(max_size=5)),
)
_PLANTED = st.one_of(
    _NUMBERS,
    _NUMBERS.map(lambda text: int("".join(char for char in text if char in "0123456789"))),
    st.lists(_NUMBERS, max_size=3),
    st.dictionaries(_NUMBERS, _NUMBERS, max_size=3),
)


@given(of=st.sampled_from(sorted(EXAMPLES)), in_binary=st.booleans(), data=st.data())
@calm
def test_o8_no_run_of_ten_to_twelve_digits_is_ever_shown(of: str, in_binary: bool, data: st.DataObject) -> None:
    document: Json = {"data": copy.deepcopy(EXAMPLES[of][1])}
    for path in data.draw(st.lists(st.sampled_from(places(document)[1:]), max_size=3)):
        part: Any = document
        try:
            for name in path[:-1]:
                part = part[name]
            part[path[-1]] = data.draw(_PLANTED)
        except (KeyError, IndexError, TypeError):  # what was planted before took its place
            continue
    if data.draw(st.booleans()) and isinstance(document["data"], dict):
        document["data"][data.draw(_NUMBERS)] = data.draw(_PLANTED)
    record = (binary if in_binary else structured)(of, document["data"])
    headers = data.draw(st.lists(st.tuples(_NUMBERS, st.none() | _NUMBERS.map(str.encode)), max_size=2))
    named = st.sampled_from(["ce_id", "ce_source", "ce_type", "ce_time", "ce_correlationid", "content-type"])
    headers += data.draw(st.lists(st.tuples(named, _NUMBERS.map(str.encode)), max_size=2))
    key = data.draw(st.none() | _NUMBERS.map(str.encode) | st.binary(max_size=20))
    value = record.value
    if data.draw(st.booleans()) and value is not None:
        value = value[: data.draw(st.integers(0, len(value)))]
    record = replace(record, key=key, value=value, headers=[*record.headers, *headers])
    assert_names_nobody(orjson.dumps(shown(record)).decode())


def test_every_command_is_among_the_examples() -> None:
    assert all(f"se.vgregion.listning.{name}.v1" in EXAMPLES for name in COMMAND_DATA)
