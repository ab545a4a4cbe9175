"""A doctor's availability at a unit, with figures (S4, contract.md)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.command import ProfileData
from schemas.fields import Count, Instant, Wire
from schemas.ids import Day, HsaId

UnavailableBecause = Literal["not_selectable", "not_active", "paused", "absent", "ceiling_reached", "unit_closed"]


class DoctorData(Wire):
    """The person, as KiV names them; the title is that of the employment shown (S4)."""

    hsa_id: HsaId
    vgr_id: str | None
    name: str | None
    title: str | None


class Period(Wire):
    """First and last day of the employment shown."""

    start: Day | None
    end: Day | None


class DoctorAvailability(Wire):
    """Whether the doctor takes new patients at the unit, why not, and how many there are."""

    unit_hsa_id: HsaId
    doctor: DoctorData
    employment: Period | None
    selectable: bool
    active: bool
    available: bool
    unavailable_because: Annotated[
        tuple[Annotated[UnavailableBecause, Field(title="UnavailableBecause")], ...], Field(strict=False)
    ]
    profile: ProfileData
    listed_patients: Count
    free_places: Count | None
    care_burden: Annotated[float, Field(ge=0)]
    as_of: Instant
