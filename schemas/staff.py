"""A person in KiV: the whole state, or that the person is gone (S2, S3)."""

from __future__ import annotations

from schemas.fields import Flag, Int64, Many, Wire
from schemas.ids import Day, HsaId


class AbsenceData(Wire):
    """Days a person is away from one employment; a missing end is open."""

    start: Day | None = None
    end: Day | None = None


class EmploymentData(Wire):
    """One post at one unit; a missing start means always."""

    unit_hsa_id: HsaId
    position_code: str | None = None
    title: str | None = None
    start: Day | None = None
    end: Day | None = None
    absences: Many[AbsenceData] = ()


class StaffState(Wire):
    """The whole state of one person; `version` rises per person (S2)."""

    hsa_id: HsaId
    version: Int64
    vgr_id: str | None = None
    given_name: str
    surname: str
    protected: Flag = False
    licences: Many[str] = ()
    specialties: Many[str] = ()
    employments: Many[EmploymentData] = ()


class StaffRemoved(Wire):
    """The person is no longer in KiV."""

    hsa_id: HsaId
    version: Int64
