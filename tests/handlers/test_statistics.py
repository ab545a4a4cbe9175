"""The figures of a doctor on the doctor topic, and what follows from them (contract.md, listning.doctor.v1)."""

from __future__ import annotations

import pytest

from handlers.world.statistics import Statistics, add_statistics
from tests.harness.builders import update
from tests.harness.region import ready


@pytest.mark.parametrize(("listed", "free"), [(0, 2), (1, 1), (2, 0), (3, 0)])
def test_contract_free_places_are_those_below_the_ceiling_and_without_any_nobody_is_taken(
    listed: int, free: int
) -> None:
    payload = ready(update(patient_ceiling=2)).doctor_record()
    assert payload is not None
    record = add_statistics(payload, Statistics(listed, 1.5), "2026-05-26T12:00:00Z")
    assert (record["free_places"], record["available"]) == (free, free > 0)
    assert record["unavailable_because"] == ([] if free else ["ceiling_reached"])


def test_contract_a_ceiling_that_is_reached_is_told_before_that_the_unit_is_closed() -> None:
    payload = ready(update(patient_ceiling=0)).doctor_record()
    assert payload is not None
    closed = payload | {"unavailable_because": ["not_active", "unit_closed"]}
    reasons = add_statistics(closed, Statistics(0, 0.0), "2026-05-26T12:00:00Z")["unavailable_because"]
    assert reasons == ["not_active", "ceiling_reached", "unit_closed"]
