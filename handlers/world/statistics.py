"""The figures of a doctor at a unit, and the whole record the doctor topic shows (contract.md, listning.doctor.v1)."""

from __future__ import annotations

from typing import NamedTuple

from handlers.world.changes import Json


class Figures(NamedTuple):
    """How many patients are linked, and the sum of their care burden (patients without one left out)."""

    listed_patients: int
    care_burden: float


def with_figures(core: Json, figures: Figures, as_of: str) -> Json:
    """The published record: the core with what follows from the number of patients."""
    ceiling = core["profile"]["patient_ceiling"]
    free = None if ceiling is None else max(0, ceiling - figures.listed_patients)
    reasons = list(core["unavailable_because"])
    if free == 0:
        at = reasons.index("unit_closed") if "unit_closed" in reasons else len(reasons)
        reasons.insert(at, "ceiling_reached")
    return {
        "unit_hsa_id": core["unit_hsa_id"],
        "doctor": core["doctor"],
        "employment": core["employment"],
        "selectable": core["selectable"],
        "active": core["active"],
        "available": not reasons,
        "unavailable_because": reasons,
        "profile": core["profile"],
        "listed_patients": figures.listed_patients,
        "free_places": free,
        "care_burden": figures.care_burden,
        "as_of": as_of,
    }
