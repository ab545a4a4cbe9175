"""When the doctor topic hears of a pair, and under which revision (contract.md, listning.doctor.v1)."""

from __future__ import annotations

from handlers.world.changes import DoctorChange, Pair
from tests.harness.builders import DOCTOR, TODAY, UNIT, pause, post, resume, staff
from tests.harness.region import Region, ready


def revisions(region: Region) -> list[int]:
    """Those of the pair's records, in order."""
    return [c.revision for c in region.changes if isinstance(c, DoctorChange) and c.pair == Pair(UNIT, DOCTOR)]


def test_contract_a_doctors_record_is_published_only_where_it_differs_from_the_last() -> None:
    region = ready()
    before = revisions(region)
    region.happens(staff(DOCTOR, post(), post(title="ST", end=TODAY), version=2))
    assert region.entry().published == region.doctor_record()
    assert revisions(region) == before


def test_contract_every_record_of_a_pair_has_the_next_revision() -> None:
    region = ready(pause(), resume(), pause())
    assert revisions(region) == [1, 2, 3, 4, 5]
