"""A patient's whole vårdval, and the change of a patient's id (L1, L9). Names are never read (D3)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from schemas.fields import Ordinal, Text, Wire
from schemas.ids import Day, HsaId, PatientId


class ChoiceData(Wire):
    """The unit a patient is listed at from a day on."""

    unit_hsa_id: HsaId
    valid_from: Annotated[Day, Field(description="First day, in Europe/Stockholm")]
    reason: Text | None = None


class ListingState(Wire):
    """A patient's whole vårdval (L1)."""

    patient_id: PatientId
    sequence: Annotated[
        Ordinal, Field(description="Rises for each patient; a lower one than the last is ignored as stale (L1)")
    ]
    protected: bool = False
    current: ChoiceData | None = None
    upcoming: ChoiceData | None = None
    care_burden: Annotated[float, Field(ge=0, le=1_000_000)] | None = None


class PatientIdChanged(Wire):
    """The patient is known under a new id; `sequence` is compared with the old id's (L9)."""

    patient_id: PatientId
    new_patient_id: PatientId
    sequence: Ordinal
