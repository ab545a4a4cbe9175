"""Events and commands with defaults for everything: one doctor, one patient, one unit, all is well."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from handlers.world import Profile
from schemas.command import (
    ActivateDoctor,
    Actor,
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
from schemas.listing import ChoiceData, ListingState, PatientIdChanged
from schemas.read import Tombstone
from schemas.staff import AbsenceData, EmploymentData, StaffRemoved, StaffState
from schemas.unit import UnitRemoved, UnitState
from tests.model.ids import check_digit, personnummer
from tests.schemas import builders as examples

PATIENT, NEW_PATIENT = examples.PATIENT, examples.NEW_PATIENT
UNIT, DOCTOR = examples.UNIT, examples.DOCTOR
OTHER_UNIT = "SE2321000131-E000000000799"
OTHER_DOCTOR = "SE2321000131-E000000007656"
THIRD_DOCTOR = "SE2321000131-E000000007687"
THIRD_UNIT = "SE2321000131-E000000000788"
SAMORDNINGSNUMMER = f"19900662238{check_digit('900662238')}"
RESERVE_NUMBER = "19900602TF01"

#: reserved for test persons, or the classic of the tax agency
TOLVAN = "191212121212"

TODAY = date(2026, 5, 26)
YESTERDAY = TODAY - timedelta(days=1)
TOMORROW = TODAY + timedelta(days=1)
LONG_AGO = date(2020, 1, 1)
NOON = datetime(2026, 5, 26, 12, tzinfo=UTC)
EARLIER = NOON - timedelta(hours=1)

#: a profile never set, as the doctor topic shows it
EMPTY_PROFILE = {name: getattr(Profile(), name) for name in Profile.__slots__}


def patients(number: int, *, year: int = 1980) -> list[str]:
    """So many different test persons, born from 1 January of the year on."""
    days = (date(year, 1, 1) + timedelta(days=i // 2) for i in range(number))
    return [personnummer(f"{day:%Y%m%d}", 238 + i % 2) for i, day in enumerate(days)]


def post(
    unit: str = UNIT,
    code: str | None = "202010",
    title: str | None = "Geriatriker",
    start: date | None = LONG_AGO,
    end: date | None = None,
    away: tuple[tuple[date | None, date | None], ...] = (),
) -> EmploymentData:
    """An employment; `away` are the first and last days of absences."""
    absences = tuple(AbsenceData(start=a, end=b) for a, b in away)
    return EmploymentData(unit_hsa_id=unit, position_code=code, title=title, start=start, end=end, absences=absences)


def staff(
    doctor: str = DOCTOR,
    *posts: EmploymentData,
    version: int = 1,
    name: tuple[str, str] = ("Jon", "Karlström"),
    protected: bool = False,
    licences: tuple[str, ...] = ("LK",),
) -> StaffState:
    """A person's whole state; without posts they have the usual one."""
    return StaffState(
        hsa_id=doctor,
        version=version,
        vgr_id="jonka3",
        given_name=name[0],
        surname=name[1],
        protected=protected,
        licences=licences,
        employments=posts or (post(),),
    )


def jobless(doctor: str = DOCTOR, **fields: Any) -> StaffState:
    """A person's whole state without any employment."""
    return staff(doctor, **fields).model_copy(update={"employments": ()})


def staff_removed(doctor: str = DOCTOR, version: int = 2) -> StaffRemoved:
    """The person is no longer in KiV."""
    return StaffRemoved(hsa_id=doctor, version=version)


def unit(hsa_id: str = UNIT, name: str = "Vårdcentralen Majorna", version: int = 1, **fields: Any) -> UnitState:
    """A unit's whole state."""
    return UnitState(hsa_id=hsa_id, version=version, name=name, **fields)


def unit_removed(hsa_id: str = UNIT, version: int = 2) -> UnitRemoved:
    """The unit is no longer in KiV."""
    return UnitRemoved(hsa_id=hsa_id, version=version)


def tombstone(hsa_id: str | None = DOCTOR) -> Tombstone:
    """A null value under this key."""
    return Tombstone(hsa_id)


def choice(unit: str = UNIT, valid_from: date = LONG_AGO) -> ChoiceData:
    """Half a vårdval."""
    return ChoiceData(unit_hsa_id=unit, valid_from=valid_from)


HERE = choice()


def listing(
    patient: str = PATIENT,
    current: ChoiceData | None = HERE,
    upcoming: ChoiceData | None = None,
    *,
    sequence: int = 1,
    protected: bool = False,
    care_burden: float | None = None,
) -> ListingState:
    """A patient's whole vårdval."""
    return ListingState(
        patient_id=patient,
        sequence=sequence,
        protected=protected,
        current=current,
        upcoming=upcoming,
        care_burden=care_burden,
    )


def id_changed(old: str = PATIENT, new: str = NEW_PATIENT, sequence: int = 2) -> PatientIdChanged:
    """The patient is known under a new id."""
    return PatientIdChanged(patient_id=old, new_patient_id=new, sequence=sequence)


def head(unit: str = UNIT, role: str = "VC-chef", of: str | None = None) -> dict[str, Any]:
    """What every command says: for which unit, and who asks, of which unit."""
    return {"unit_hsa_id": unit, "actor": Actor(id="annsv4", role=role, unit_hsa_id=of or unit)}


HEAD = head()


def profile(**fields: Any) -> ProfileData:
    """Only these fields are given."""
    return ProfileData(**fields)


def activate(doctor: str = DOCTOR, *, head: dict[str, Any] = HEAD, **fields: Any) -> ActivateDoctor:
    """`fields` are those of the profile."""
    return ActivateDoctor(doctor_hsa_id=doctor, profile=profile(**fields) if fields else None, **head)


def deactivate(doctor: str = DOCTOR, *, links: Any = "refuse", head: dict[str, Any] = HEAD) -> DeactivateDoctor:
    """By default refused while patients are linked."""
    return DeactivateDoctor(doctor_hsa_id=doctor, links=links, **head)


def pause(
    doctor: str = DOCTOR, start: str | None = None, end: str | None = None, *, head: dict[str, Any] = HEAD
) -> PauseDoctor:
    """From today, without end."""
    return PauseDoctor(doctor_hsa_id=doctor, start=start, end=end, **head)


def resume(doctor: str = DOCTOR, *, head: dict[str, Any] = HEAD) -> ResumeDoctor:
    """No pause any more."""
    return ResumeDoctor(doctor_hsa_id=doctor, **head)


def update(doctor: str = DOCTOR, *, head: dict[str, Any] = HEAD, **fields: Any) -> UpdateDoctorProfile:
    """`fields` are those of the profile."""
    return UpdateDoctorProfile(doctor_hsa_id=doctor, profile=profile(**fields), **head)


def link(
    patient: str = PATIENT,
    doctor: str = DOCTOR,
    *,
    start: str | None = None,
    override: tuple[Any, ...] = (),
    head: dict[str, Any] = HEAD,
) -> LinkPatient:
    """From today."""
    return LinkPatient(patient_id=patient, doctor_hsa_id=doctor, start=start, override=override, **head)


def unlink(patient: str = PATIENT, *, head: dict[str, Any] = HEAD) -> UnlinkPatient:
    """The link ends."""
    return UnlinkPatient(patient_id=patient, **head)


def move(
    patients: list[str] | None = None,
    *,
    source: str = DOCTOR,
    target: str = OTHER_DOCTOR,
    head: dict[str, Any] = HEAD,
    **fields: Any,
) -> MovePatients:
    """All of the first doctor's patients to the other."""
    ids = None if patients is None else tuple(patients)
    return MovePatients(from_doctor_hsa_id=source, to_doctor_hsa_id=target, patient_ids=ids, **fields, **head)


def distribute(*doctors: str, seed: int = 42, head: dict[str, Any] = HEAD, **fields: Any) -> DistributePatients:
    """Over all doctors who take patients, or those named."""
    return DistributePatients(seed=seed, doctor_hsa_ids=doctors, **fields, **head)


def row(
    number: int = 1, patient: str = PATIENT, doctor: str = DOCTOR, unit: str = UNIT, start: str | None = None
) -> ImportRow:
    """One line of the sender's file."""
    return ImportRow(row=number, patient_id=patient, unit_hsa_id=unit, doctor_hsa_id=doctor, start=start)


def import_links(
    *rows: ImportRow,
    part: int = 1,
    parts: int = 1,
    import_id: str = "may",
    head: dict[str, Any] = HEAD,
    **fields: Any,
) -> ImportLinks:
    """A file in one part."""
    return ImportLinks(import_id=import_id, part=part, parts=parts, rows=rows, **fields, **head)
