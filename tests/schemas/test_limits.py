"""The limits of texts, lists and numbers (contract.md, Topics): at the limit a record is read, above it is dead."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from schemas.asyncapi import schema
from schemas.errors import DeadLetterCode
from schemas.read import read
from tests.schemas.builders import ACTOR_DATA, EXAMPLES, binary, command, refusal

TEXT, LONG = "å" * 200, "å" * 201
POST = {"unit_hsa_id": "SE2321000131-E1"}
ROW = {"row": 1, "patient_id": "", "unit_hsa_id": "", "doctor_hsa_id": ""}

#: type, path of the field, the most it may hold, and just too much
LIMITS: list[tuple[str, str, Any, Any]] = [
    ("kiv.staff", "given_name", TEXT, LONG),
    ("kiv.staff", "surname", TEXT, LONG),
    ("kiv.staff", "vgr_id", TEXT, LONG),
    ("kiv.staff", "licences", ["LK"] * 50, ["LK"] * 51),
    ("kiv.staff", "licences.0", TEXT, LONG),
    ("kiv.staff", "specialties", ["20200"] * 50, ["20200"] * 51),
    ("kiv.staff", "specialties.0", TEXT, LONG),
    ("kiv.staff", "employments", [POST] * 200, [POST] * 201),
    ("kiv.staff", "employments.0.title", TEXT, LONG),
    ("kiv.staff", "employments.0.position_code", TEXT, LONG),
    ("kiv.staff", "employments.0.absences", [{}] * 100, [{}] * 101),
    ("kiv.unit", "name", TEXT, LONG),
    ("vardval.listing", "current.reason", TEXT, LONG),
    ("vardval.listing", "upcoming.reason", TEXT, LONG),
    ("vardval.listing", "care_burden", 1_000_000, 1_000_000.1),
    ("listning.link-patient", "actor.id", TEXT, LONG),
    ("listning.import-links", "import_id", TEXT, LONG),
    ("listning.import-links", "rows", [ROW] * 2_000, [ROW] * 2_001),
    ("listning.day-began", "day", "1970-01-01", "1969-12-31"),
    ("listning.day-began", "day", "2999-12-31", "3000-01-01"),
]


def changed(name: str, path: str, value: Any) -> Any:
    """The example's data with one field changed."""
    data = copy.deepcopy(EXAMPLES[f"se.vgregion.{name}.v1"][1])
    place: Any = data
    *way, last = path.split(".")
    for step in way:
        place = place[int(step) if isinstance(place, list) else step]
    place[int(last) if isinstance(place, list) else last] = value
    return data


@pytest.mark.parametrize(("name", "path", "most", "over"), LIMITS)
def test_up_to_its_limit_a_field_is_read_and_above_it_the_record_is_dead(
    name: str, path: str, most: Any, over: Any
) -> None:
    ce_type = f"se.vgregion.{name}.v1"
    topic, _ = EXAMPLES[ce_type]

    read(topic, binary(ce_type, changed(name, path, most)))
    reason = refusal(binary(ce_type, changed(name, path, over)))

    assert (reason.code, reason.detail.split(": ")[0]) == (DeadLetterCode.INVALID_DATA, path)


@pytest.mark.parametrize(
    ("name", "path", "keyword", "limit"),
    [
        ("staff", "given_name", "maxLength", 200),
        ("staff", "employments", "maxItems", 200),
        ("staff", "licences", "maxItems", 50),
        ("unit", "name", "minLength", 1),
        ("listing", "care_burden", "maximum", 1_000_000),
        ("import-links", "rows", "maxItems", 2_000),
    ],
)
def test_the_schemas_tell_the_limits(name: str, path: str, keyword: str, limit: int) -> None:
    field = schema(name)["properties"][path]

    assert {keyword: limit}.items() <= {**field, **field.get("anyOf", [{}])[0]}.items()


@pytest.mark.parametrize("names", [("", "Karlström"), ("Jon", ""), (" Jon\t", "\u00a0")])
def test_given_name_or_surname_may_be_empty_p6(names: tuple[str, str]) -> None:
    data = changed("kiv.staff", "given_name", names[0]) | {"surname": names[1]}

    person = read("kiv.staff.v1", binary("se.vgregion.kiv.staff.v1", data)).data

    assert (person.given_name, person.surname) == tuple(name.strip() for name in names)


@pytest.mark.parametrize("names", [("", ""), (" ", "\t"), ("\u200b \u2060", "\ufeff\u202e"), ("\u0301", "\u00ad")])
def test_a_person_without_any_name_is_dead_unless_protected_p6_s7(names: tuple[str, str]) -> None:
    data = changed("kiv.staff", "given_name", names[0]) | {"surname": names[1]}

    reason = refusal(binary("se.vgregion.kiv.staff.v1", data))

    assert reason.detail == "data: given_name and surname should not both be empty"
    assert read("kiv.staff.v1", binary("se.vgregion.kiv.staff.v1", data | {"protected": True})).data.protected


@pytest.mark.parametrize("name", ["", " \t", "\u200b\u200d", "\u0301"])
def test_a_unit_without_a_name_is_dead(name: str) -> None:
    reason = refusal(binary("se.vgregion.kiv.unit.v1", changed("kiv.unit", "name", name)))

    assert reason.detail == "name: Input should not be empty"


def test_what_a_handler_judges_may_be_of_any_length_for_it_is_answered_c2() -> None:
    for field in ("role", "specialisation", "patient_group"):
        data = command("update-doctor-profile", profile={field: LONG})
        assert (
            getattr(
                read("listning.command.v1", binary("se.vgregion.listning.update-doctor-profile.v1", data)).data.profile,
                field,
            )
            == LONG
        )
    data = command("link-patient", doctor_hsa_id=LONG, patient_id=LONG, actor=ACTOR_DATA | {"role": LONG})
    read("listning.command.v1", binary("se.vgregion.listning.link-patient.v1", data))
