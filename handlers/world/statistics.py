"""The figures of a doctor at a unit, and the whole record the doctor topic shows (contract.md, listning.doctor.v1)."""

from __future__ import annotations

from typing import NamedTuple

from handlers.world.changes import Json


class Statistics(NamedTuple):
    """How many patients are linked, and the sum of their care burden (patients without one left out)."""

    listed_patients: int
    care_burden: float


def add_statistics(payload: Json, statistics: Statistics, as_of: str) -> Json:
    """The published record: the payload with what follows from the number of patients."""
    ceiling = payload["profile"]["patient_ceiling"]
    free = None if ceiling is None else max(0, ceiling - statistics.listed_patients)
    reasons = list(payload["unavailable_because"])
    if free == 0:
        at = reasons.index("unit_closed") if "unit_closed" in reasons else len(reasons)
        reasons.insert(at, "ceiling_reached")
    return {
        "unit_hsa_id": payload["unit_hsa_id"],
        "doctor": payload["doctor"],
        "employment": payload["employment"],
        "selectable": payload["selectable"],
        "active": payload["active"],
        "available": not reasons,
        "unavailable_because": reasons,
        "profile": payload["profile"],
        "listed_patients": statistics.listed_patients,
        "free_places": free,
        "care_burden": statistics.care_burden,
        "as_of": as_of,
    }
