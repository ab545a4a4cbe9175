"""One patient's fast läkarkontakt, as 1177 hears it (P1, P2)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, RootModel

from schemas.fields import Instant, Wire
from schemas.ids import Day, HsaId, PatientId

Change = Literal["assigned", "replaced", "redated", "renamed", "rekeyed", "ended"]
Reason = Literal[
    "linked_by_unit",
    "imported",
    "distributed",
    "moved",
    "doctor_renamed",
    "unit_renamed",
    "unit_replaced",
    "patient_id_changed",
    "relisted",
    "unlisted",
    "unlinked_by_unit",
    "doctor_left",
    "doctor_deactivated",
    "doctor_withdrawn",
    "unit_closed",
]


class CareContactType(Wire):
    """The national code for fast läkarkontakt."""

    system: Literal["1.2.752.129.5.1.69"]
    code: Literal["2"]


class AppointedDoctor(Wire):
    """The doctor; by id only once the link has ended (E3)."""

    hsa_id: HsaId
    name: Annotated[str | None, Field(description="As KiV has it; null once the link has ended")]
    title: str | None


class AppointedUnit(Wire):
    """The unit, as it was known at that moment."""

    hsa_id: HsaId
    name: str | None
    care_giver_hsa_id: HsaId | None


class FastLakarkontakt(Wire):
    """The whole present state of one patient's link; `revision` rises by one per patient key (P1)."""

    patient_id: PatientId
    revision: Annotated[int, Field(ge=1, le=2**63 - 1)]
    status: Annotated[Literal["active", "ended"], Field(title="Status")]
    change: Annotated[Change, Field(title="Change", description="What happened to the link")]
    reason: Annotated[Reason, Field(title="Reason", description="Why; each is explained in docs/contract.md")]
    type: CareContactType
    doctor: AppointedDoctor
    unit: AppointedUnit
    start: Annotated[Day, Field(description="First day of the link, in Europe/Stockholm")]
    end: Annotated[Day | None, Field(description="Last day, inclusive; null while the link is active")]
    changed_at: Instant


class FastLakarkontaktWithdrawn(RootModel[None]):
    """A null value: forget this key (L7, L9)."""

    model_config = ConfigDict(frozen=True, strict=True, hide_input_in_errors=True)
