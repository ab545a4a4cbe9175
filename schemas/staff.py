"""A person in KiV: the whole state, or that the person is gone (S2, S3)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.fields import Code, Flag, Items, Name, Text, Version, Wire
from schemas.ids import Day, HsaId

_EMPLOYMENTS, _ABSENCES, _CODES = 200, 100, 50
_NAME = "Blanks around it are dropped; one of `given_name` and `surname` may be empty (P6)"
_LICENCES = "Codes of the national register; without `LK`, licensed doctor, nobody is selectable (S3)"
_POSITION_CODE = (
    "Six digits. 201010, 201011, 202010, 203010 and 203090 are doctors at a vårdcentral, unless the installation has"
    " other codes (S3)"
)


class AbsenceData(Wire):
    """Days a person is away from one employment; a missing end is open."""

    start: Day | None = None
    end: Day | None = None


class EmploymentData(Wire):
    """One post at one unit; a missing start means always."""

    unit_hsa_id: HsaId
    position_code: Annotated[Code | None, Field(description=_POSITION_CODE)] = None
    title: Text | None = None
    start: Annotated[Day | None, Field(description="First day; null is always")] = None
    end: Annotated[Day | None, Field(description="Last day, inclusive; null is open")] = None
    absences: Annotated[tuple[AbsenceData, ...], Items(_ABSENCES)] = ()


class StaffState(Wire):
    """The whole state of one person; `version` rises per person (S2)."""

    hsa_id: HsaId
    version: Version
    vgr_id: Text | None = None
    given_name: Annotated[Name, Field(description=_NAME)]
    surname: Annotated[Name, Field(description=_NAME)]
    protected: Flag = False
    licences: Annotated[tuple[Code, ...], Items(_CODES), Field(description=_LICENCES)] = ()
    specialties: Annotated[
        tuple[Code, ...], Items(_CODES), Field(description="Codes of specialties; not used here")
    ] = ()
    employments: Annotated[tuple[EmploymentData, ...], Items(_EMPLOYMENTS)] = ()

    @model_validator(mode="after")
    def _has_a_name(self) -> StaffState:
        # Of a protected person no name is kept, and KiV may have none to give: the mark must not be lost for that.
        if not (self.given_name or self.surname or self.protected):
            raise PydanticCustomError("name", "given_name and surname should not both be empty")
        return self


class StaffRemoved(Wire):
    """The person is no longer in KiV."""

    hsa_id: HsaId
    version: Version
