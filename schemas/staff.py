"""A person in KiV: the whole state, or that the person is gone (S2, S3)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from schemas.fields import Flag, Many, Version, Wire
from schemas.ids import Day, HsaId

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
    position_code: Annotated[str | None, Field(description=_POSITION_CODE)] = None
    title: str | None = None
    start: Annotated[Day | None, Field(description="First day; null is always")] = None
    end: Annotated[Day | None, Field(description="Last day, inclusive; null is open")] = None
    absences: Many[AbsenceData] = ()


class StaffState(Wire):
    """The whole state of one person; `version` rises per person (S2)."""

    hsa_id: HsaId
    version: Version
    vgr_id: str | None = None
    given_name: str
    surname: str
    protected: Flag = False
    licences: Annotated[Many[str], Field(description=_LICENCES)] = ()
    specialties: Annotated[Many[str], Field(description="Codes of specialties; not used here")] = ()
    employments: Many[EmploymentData] = ()


class StaffRemoved(Wire):
    """The person is no longer in KiV."""

    hsa_id: HsaId
    version: Version
