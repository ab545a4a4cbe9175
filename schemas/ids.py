"""The ids of care: HSA-ids of persons and units, personnummer and what looks like them (L8, glossary)."""

from __future__ import annotations

import re
from datetime import date
from enum import Enum
from functools import lru_cache
from typing import Annotated, Any

from pydantic import AfterValidator, GetCoreSchemaHandler, GetJsonSchemaHandler, StringConstraints, WithJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from schemas.clear import Clear, Form

HSA_ID_LENGTH = 31
#: as a personnummer begins; an HSA-id has room for one behind its sign
_twelve_digits_in = re.compile("(?<![0-9])(?:1[89]|20)[0-9]{10}(?![0-9])").search
_HSA_ID = "[Ss][Ee](16[0-9]{10}|(1[0-57-9]|[02-9][0-9])[0-9]{8})-[A-Za-z0-9]+"
_is_hsa_id = re.compile(_HSA_ID).fullmatch

#: the check digit's sum of the last four digits, by their text: most ids are judged by two look-ups
_TAIL_SUMS = {
    f"{tail:04}": sum(sum(divmod((2 - place % 2) * int(digit), 10)) for place, digit in enumerate(f"{tail:04}"))
    for tail in range(10_000)
}


class PatientKind(Enum):
    """What a well-formed patient id is; only a personnummer counts (L8)."""

    PERSONNUMMER = "personnummer"
    SAMORDNINGSNUMMER = "samordningsnummer"
    RESERVE = "reserve"


_PERSONAL = (PatientKind.PERSONNUMMER, PatientKind.SAMORDNINGSNUMMER)


def patient_kind(text: str) -> PatientKind | None:
    """What kind of patient id the text is; None when it is none of them (L8)."""
    # the length is judged first, so that nothing huge is ever kept in the cache
    return _patient_kind(text) if len(text) == 12 else None


@lru_cache(maxsize=32_768)  # a batch's, or a large file's: each is asked about several times
def _patient_kind(text: str) -> PatientKind | None:
    tail = _TAIL_SUMS.get(text[8:])
    if tail is None:
        return PatientKind.RESERVE if any(map(str.isalpha, text)) else None
    kind, total = _first_eight(text[:8])
    return kind if (total + tail) % 10 == 0 or kind is PatientKind.RESERVE else None


@lru_cache(maxsize=40_000)
def _first_eight(text: str) -> tuple[PatientKind | None, int]:
    """What a number that begins so can be, and the check digit's sum so far."""
    if not (text.isascii() and text.isdigit()):
        return (PatientKind.RESERVE if any(map(str.isalpha, text)) else None), 0
    year, month, day = int(text[:4]), int(text[4:6]), int(text[6:])
    if not 1800 <= year <= 2099 or month > 12 or 32 <= day <= 59:
        return PatientKind.RESERVE, 0
    kind = PatientKind.PERSONNUMMER if day < 32 else PatientKind.SAMORDNINGSNUMMER
    try:
        date(year, month, day if day < 32 else day - 60)
    except ValueError:
        return None, 0
    return kind, _TAIL_SUMS[text[2:6]] + _TAIL_SUMS[text[6:] + "00"]


_patient_id_shape = re.compile(r"(?<!\d)(?:(\d{8})[-+]?|(\d{6})[-+])(\d{4})(?!\d)", re.ASCII)
#: the same without looking around itself, which takes twice as long: nearly no text has it
_digits_enough_in = re.compile(r"[0-9]{6}(?:[0-9]{6}|[-+][0-9]{4}|[0-9]{2}[-+][0-9]{4})").search


def holds_patient_id(text: str) -> bool:
    """Whether a personnummer or samordningsnummer stands in the text: twelve digits, or ten or twelve with a sign
    before the last four, apart from other digits (D1). Half a microsecond for an id of usual length."""
    return _digits_enough_in(text) is not None and any(
        _patient_kind(century + digits + last) in _PERSONAL
        for long, short, last in _patient_id_shape.findall(text)
        for century, digits in ([("", long)] if long else [("19", short), ("20", short)])
    )


def normal_hsa_id(text: str) -> str | None:
    """The HSA-id as it is kept (upper-case); None when the text is not one (glossary)."""
    # the length is judged first, so that nothing huge is ever kept in the cache
    return _normal_hsa_id(text) if len(text) <= HSA_ID_LENGTH else None


@lru_cache(maxsize=16_384)
def _normal_hsa_id(text: str) -> str | None:
    if not _is_hsa_id(text):
        return None
    # One that hides a personnummer would become the key of what is published (D1).
    hidden = _twelve_digits_in(text, text.index("-") + 1)
    return None if hidden is not None and _patient_kind(hidden[0]) in _PERSONAL else text.upper()


def _without_patient_id(text: str) -> str:
    if _normal_hsa_id(text) is None:
        raise PydanticCustomError("hsa_id", "Input should not hold a personnummer")
    return text


def _patient_id(text: str) -> str:
    if patient_kind(text) is None:
        raise PydanticCustomError("patient_id", "Input should be a personnummer, samordningsnummer or reserve number")
    return text


HsaId = Annotated[
    str,
    StringConstraints(pattern=f"^{_HSA_ID}$", max_length=HSA_ID_LENGTH, to_upper=True),
    AfterValidator(_without_patient_id),
    Clear(Form.HSA_ID),
]
"""An HSA-id in a fact, kept upper-case; malformed, or with a personnummer in it, is a validation error."""

_PATIENT_ID = (
    "Personnummer: twelve digits, a real date, a correct check digit. Samordningsnummer and reserve numbers are"
    " accepted and ignored, without a dead letter (L8)"
)
PatientId = Annotated[
    str,
    AfterValidator(_patient_id),
    WithJsonSchema(
        {
            "type": "string",
            "description": _PATIENT_ID,
            "minLength": 12,
            "maxLength": 12,
            "examples": ["191212121212"],
        }
    ),
]
"""A patient id of any of the three kinds in a fact; malformed is a validation error (L8)."""

_is_day = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch


def _day(text: str) -> date:
    # The length is judged first, so that nothing huge is ever kept in the cache. pydantic's own reading would also take
    # numbers of seconds in quotes.
    day = _parsed_day(text) if len(text) == 10 else None
    if day is None:
        raise PydanticCustomError("day", "Input should be a date as YYYY-MM-DD")
    return day


@lru_cache(maxsize=4_096)
def _parsed_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if _is_day(text) else None
    except ValueError:
        return None


class _WireDay:
    """In JSON a text, in Python a date."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.str_schema(strict=True)
        return core_schema.json_or_python_schema(
            json_schema=core_schema.no_info_after_validator_function(_day, text),
            python_schema=core_schema.date_schema(strict=True),
            serialization=core_schema.to_string_ser_schema(when_used="json"),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "format": "date"}


Day = Annotated[date, _WireDay, Clear(Form.DAY)]
"""A day, on the wire strictly `YYYY-MM-DD`."""
