"""What a vårdcentral's staff asks for."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from schemas.command import (
    COMMANDS,
    ActivateDoctor,
    Actor,
    Command,
    DeactivateDoctor,
    DistributePatients,
    ImportLinks,
    ImportRow,
    LinkPatient,
    MovePatients,
    PauseDoctor,
    ProfileData,
    ResumeDoctor,
    UnlinkPatient,
    UpdateDoctorProfile,
)
from tests.schemas.builders import COMMAND_DATA, DOCTOR, PATIENT, ROW_DATA, UNIT, command, to_json, without

MODELS = {model.name: model for model in COMMANDS}
ACTOR = Actor(id="annsv4", role="VC-chef", unit_hsa_id=UNIT)
OTHER = "SE2321000131-E000000007656"


def read(name: str, **fields: Any) -> Command:
    """The command read from JSON, with these fields changed."""
    return MODELS[name].model_validate_json(to_json(command(name, **fields)))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("activate-doctor", ActivateDoctor(unit_hsa_id=UNIT, actor=ACTOR, doctor_hsa_id=DOCTOR, profile=None)),
        ("deactivate-doctor", DeactivateDoctor(unit_hsa_id=UNIT, actor=ACTOR, doctor_hsa_id=DOCTOR, links="refuse")),
        ("pause-doctor", PauseDoctor(unit_hsa_id=UNIT, actor=ACTOR, doctor_hsa_id=DOCTOR, start=None, end=None)),
        ("resume-doctor", ResumeDoctor(unit_hsa_id=UNIT, actor=ACTOR, doctor_hsa_id=DOCTOR)),
        (
            "update-doctor-profile",
            UpdateDoctorProfile(unit_hsa_id=UNIT, actor=ACTOR, doctor_hsa_id=DOCTOR, profile=ProfileData()),
        ),
        (
            "link-patient",
            LinkPatient(
                unit_hsa_id=UNIT, actor=ACTOR, patient_id=PATIENT, doctor_hsa_id=DOCTOR, start=None, override=()
            ),
        ),
        ("unlink-patient", UnlinkPatient(unit_hsa_id=UNIT, actor=ACTOR, patient_id=PATIENT)),
        (
            "move-patients",
            MovePatients(
                unit_hsa_id=UNIT,
                actor=ACTOR,
                from_doctor_hsa_id=DOCTOR,
                to_doctor_hsa_id=OTHER,
                patient_ids=None,
                override=(),
                dry_run=False,
            ),
        ),
        (
            "distribute-patients",
            DistributePatients(unit_hsa_id=UNIT, actor=ACTOR, seed=42, doctor_hsa_ids=(), limit=None, dry_run=False),
        ),
        (
            "import-links",
            ImportLinks(
                unit_hsa_id=UNIT,
                actor=ACTOR,
                import_id="may",
                part=1,
                parts=1,
                rows=(ImportRow(row=17, patient_id=PATIENT, unit_hsa_id=UNIT, doctor_hsa_id=DOCTOR, start=None),),
                override=(),
                dry_run=False,
            ),
        ),
    ],
)
def test_what_is_optional_has_its_default_missing_or_null(name: str, expected: Command) -> None:
    required = command(name)
    nulls = {field: None for field in type(expected).model_fields if field not in required}

    assert read(name) == read(name, **nulls) == expected


def test_every_command_of_the_contract_is_there_by_name() -> None:
    assert list(MODELS) == list(COMMAND_DATA)


@pytest.mark.parametrize("name", COMMAND_DATA)
def test_no_command_is_read_without_what_it_requires(name: str) -> None:
    data = command(name)

    for broken in (*(without(data, field) for field in data), *(data | {field: None} for field in data)):
        with pytest.raises(ValidationError):
            MODELS[name].model_validate_json(to_json(broken))


@pytest.mark.parametrize("name", COMMAND_DATA)
@pytest.mark.parametrize("field", ["id", "role", "unit_hsa_id"])
def test_the_actor_is_whole_and_text(name: str, field: str) -> None:
    actor = command(name)["actor"]

    for broken in (without(actor, field), actor | {field: None}, actor | {field: 5}):
        with pytest.raises(ValidationError):
            read(name, actor=broken)


def test_ids_dates_and_roles_are_any_text_for_the_handler_to_judge_c2() -> None:
    read_ = read(
        "link-patient",
        unit_hsa_id="x",
        actor={"id": "", "role": "chef", "unit_hsa_id": "y"},
        patient_id="Tolvan",
        doctor_hsa_id="se-1",
        start="i morgon",
    )

    assert read_ == LinkPatient(
        unit_hsa_id="x",
        actor=Actor(id="", role="chef", unit_hsa_id="y"),
        patient_id="Tolvan",
        doctor_hsa_id="se-1",
        start="i morgon",
    )


def test_what_was_given_of_a_profile_is_known_c6() -> None:
    profile = ProfileData.model_validate_json('{"role": null, "st_a": null, "age_min": 18}')

    assert profile.model_fields_set == {"role", "st_a", "age_min"}
    assert (profile.role, profile.st_a, profile.age_min) == (None, False, 18)


@pytest.mark.parametrize(
    ("field", "inside", "outside"),
    [
        ("work_percent", [1, 100, None], [0, 101, 50.0, "50", True]),
        ("patient_ceiling", [0, 2000, 2**63 - 1, None], [-1, 2**63, "2000", 1.5]),
        ("age_min", [0, 130, None], [-1, 131, "18"]),
        ("age_max", [0, 130, None], [-1, 131, False]),
        ("role", ["", "Läkare", None], [5, []]),
        ("specialisation", ["Geriatrik", None], [5]),
        ("patient_group", ["Barn", None], [{}]),
        ("st_a", [True, False, None], [0, "true"]),
    ],
)
def test_a_profile_stays_within_its_ranges(field: str, inside: list[Any], outside: list[Any]) -> None:
    for value in inside:
        assert ProfileData.model_validate_json(to_json({field: value})).model_fields_set == {field}
    for value in outside:
        with pytest.raises(ValidationError):
            ProfileData.model_validate_json(to_json({field: value}))


def test_age_limits_the_wrong_way_round_can_be_read_for_the_handler_to_judge_c6() -> None:
    assert ProfileData.model_validate_json('{"age_min": 65, "age_max": 18}') == ProfileData(age_min=65, age_max=18)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("activate-doctor", {"profile": []}),
        ("activate-doctor", {"profile": {"work_percent": 0}}),
        ("deactivate-doctor", {"links": "keep"}),
        ("deactivate-doctor", {"links": True}),
        ("pause-doctor", {"start": 20260526}),
        ("link-patient", {"override": ["sex"]}),
        ("link-patient", {"override": "ceiling"}),
        ("link-patient", {"override": [None]}),
        ("link-patient", {"patient_id": int(PATIENT)}),
        ("move-patients", {"patient_ids": PATIENT}),
        ("move-patients", {"patient_ids": [int(PATIENT)]}),
        ("move-patients", {"dry_run": "true"}),
        ("distribute-patients", {"seed": "42"}),
        ("distribute-patients", {"seed": 2**63}),
        ("distribute-patients", {"seed": 4.2}),
        ("distribute-patients", {"limit": -1}),
        ("distribute-patients", {"doctor_hsa_ids": {}}),
        ("import-links", {"part": 0}),
        ("import-links", {"part": 2}),
        ("import-links", {"part": 1, "parts": 0}),
        ("import-links", {"rows": {}}),
        ("import-links", {"rows": [None]}),
        ("import-links", {"rows": [ROW_DATA | {"row": "17"}]}),
        ("import-links", {"rows": [ROW_DATA | {"row": 1.0}]}),
        ("import-links", {"rows": [without(ROW_DATA, "doctor_hsa_id")]}),
        ("import-links", {"rows": [ROW_DATA | {"start": 5}]}),
        ("import-links", {"rows": [ROW_DATA] * 2001}),
        ("import-links", {"dry_run": 1}),
    ],
)
def test_what_is_ill_typed_or_out_of_range_is_refused(name: str, fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        read(name, **fields)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("deactivate-doctor", {"links": "end"}),
        ("link-patient", {"override": ["ceiling", "age"]}),
        ("link-patient", {"override": []}),
        ("move-patients", {"patient_ids": [], "dry_run": True}),
        ("move-patients", {"patient_ids": [PATIENT, "x"]}),
        ("distribute-patients", {"seed": -(2**63), "limit": 0, "doctor_hsa_ids": []}),
        ("distribute-patients", {"doctor_hsa_ids": [DOCTOR]}),
        ("import-links", {"part": 12, "parts": 12, "rows": []}),
        ("import-links", {"rows": [ROW_DATA | {"start": "2026-05-01"}] * 2000}),
    ],
)
def test_what_is_within_range_is_kept_as_it_is(name: str, fields: dict[str, Any]) -> None:
    dumped = read(name, **fields).model_dump(mode="json", exclude_unset=True)

    assert {field: dumped[field] for field in fields} == fields
