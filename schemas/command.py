"""What a vårdcentral's staff asks for. Ids and dates are plain text here: the handler judges them (C2)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from schemas.clear import Clear, Form
from schemas.fields import TEXT_CHARACTERS, Count, Flag, Int64, Items, Many, NullAs, Text, Wire, titled

Override = Literal["ceiling", "age"]
Overrides = Many[Annotated[Override, Field(title="Override")]]
WhatOfLinks = Literal["refuse", "end"]
Percent = Annotated[int, Field(ge=1, le=100)]
Age = Annotated[int, Field(ge=0, le=130)]
PartNumber = Annotated[int, Field(ge=1, le=2**63 - 1)]
#: what should be one, and is judged by the handler
HsaIdText = Annotated[str, Clear(Form.HSA_ID)]
DayText = Annotated[str, Clear(Form.DAY)]
#: one that is too long is refused, not dead-lettered: the vårdcentral waits for an answer (C6)
ProfileText = Annotated[str, WithJsonSchema({"type": "string", "maxLength": TEXT_CHARACTERS})]

ROWS_PER_PART = 2_000


class Actor(Wire):
    """Who asks, in which role and for which unit (C1)."""

    id: Text
    role: str
    unit_hsa_id: HsaIdText


class ProfileData(Wire):
    """What the vårdcentral says of a doctor; a field that is left out keeps its value, null means not set (C6)."""

    work_percent: Percent | None = None
    role: ProfileText | None = None
    specialisation: ProfileText | None = None
    st_a: Flag = False
    patient_group: ProfileText | None = None
    patient_ceiling: Count | None = None
    age_min: Age | None = None
    age_max: Age | None = None


class Command(Wire):
    """What every command says: for which unit, and who asks. `name` stands in its `ce_type`."""

    name: ClassVar[str]

    unit_hsa_id: HsaIdText
    actor: Actor


class ActivateDoctor(Command):
    """Make a selectable doctor active at the unit (C4)."""

    name: ClassVar[str] = "activate-doctor"

    doctor_hsa_id: HsaIdText
    profile: ProfileData | None = None


class DeactivateDoctor(Command):
    """Make a doctor inactive at the unit; `links` says what of linked patients (C4)."""

    name: ClassVar[str] = "deactivate-doctor"

    doctor_hsa_id: HsaIdText
    links: Annotated[WhatOfLinks, titled("LinksOfDoctor", WhatOfLinks), NullAs("refuse")] = "refuse"


class PauseDoctor(Command):
    """No new links for a while; a missing start is today (C5)."""

    name: ClassVar[str] = "pause-doctor"

    doctor_hsa_id: HsaIdText
    start: DayText | None = None
    end: DayText | None = None


class ResumeDoctor(Command):
    """Remove any pause (C5)."""

    name: ClassVar[str] = "resume-doctor"

    doctor_hsa_id: HsaIdText


class UpdateDoctorProfile(Command):
    """Change the fields given (C6)."""

    name: ClassVar[str] = "update-doctor-profile"

    doctor_hsa_id: HsaIdText
    profile: ProfileData


class LinkPatient(Command):
    """Appoint the doctor as the patient's fast läkarkontakt (C7)."""

    name: ClassVar[str] = "link-patient"

    patient_id: str
    doctor_hsa_id: HsaIdText
    start: DayText | None = None
    override: Overrides = ()


class UnlinkPatient(Command):
    """End the patient's link at this unit (C8)."""

    name: ClassVar[str] = "unlink-patient"

    patient_id: str


class MovePatients(Command):
    """Move all (`patient_ids` null) or some of one doctor's patients to another doctor (C9)."""

    name: ClassVar[str] = "move-patients"

    from_doctor_hsa_id: HsaIdText
    to_doctor_hsa_id: HsaIdText
    patient_ids: Annotated[tuple[str, ...], Items(nullable=False)] | None = None
    override: Overrides = ()
    dry_run: Flag = False


class DistributePatients(Command):
    """Spread the patients who lack a doctor at random; no doctors named means all of them (C10)."""

    name: ClassVar[str] = "distribute-patients"

    seed: Int64
    doctor_hsa_ids: Many[HsaIdText] = ()
    limit: Count | None = None
    dry_run: Flag = False


class ImportRow(Wire):
    """One line of the sender's file; `row` is its number there."""

    row: Int64
    patient_id: str
    unit_hsa_id: HsaIdText
    doctor_hsa_id: HsaIdText
    start: DayText | None = None


class ImportLinks(Command):
    """One part of an import; parts are numbered from 1 (C11)."""

    name: ClassVar[str] = "import-links"

    import_id: Text
    part: PartNumber
    parts: PartNumber
    rows: Annotated[tuple[ImportRow, ...], Items(ROWS_PER_PART, nullable=False)]
    override: Overrides = ()
    dry_run: Flag = False

    @model_validator(mode="after")
    def _within_parts(self) -> ImportLinks:
        if self.part > self.parts:
            raise PydanticCustomError("part", "part should not be above parts")
        return self


COMMANDS: tuple[type[Command], ...] = (
    ActivateDoctor,
    DeactivateDoctor,
    PauseDoctor,
    ResumeDoctor,
    UpdateDoctorProfile,
    LinkPatient,
    UnlinkPatient,
    MovePatients,
    DistributePatients,
    ImportLinks,
)
