"""A person gets the secrecy mark: not selectable anywhere, and no name leaves the system again (S7)."""

from __future__ import annotations

import pytest

from handlers import staff as staff_topic
from handlers.world import Doctor, Profile
from handlers.world.changes import DoctorChange, Outcome
from tests.harness.builders import (
    DOCTOR,
    NOON,
    activate,
    link,
    staff,
    staff_removed,
    tombstone,
    update,
)
from tests.harness.region import Region, ready


def test_s7_a_protected_doctor_is_withdrawn_everywhere_and_reduced_to_id_version_and_mark() -> None:
    region = ready(update(role="x"), link(), staff(version=2, protected=True))
    assert region.changes_of()[-1] == ("ended", "doctor_withdrawn")
    doctor = region.doctors[DOCTOR]
    kept = Doctor(DOCTOR, 2, protected=True, fact_at=NOON, last_revision=doctor.last_revision, place=doctor.place)
    assert doctor == kept
    assert (region.roster, region.doctor_record()) == ({}, None)


@pytest.mark.parametrize("at_once", [False, True])
def test_s7_a_doctor_who_is_back_goes_on_from_the_last_revision(at_once: bool) -> None:
    region = ready(link())
    facts = (staff(version=2, protected=True), staff(version=3))
    for batch in [facts] if at_once else [[fact] for fact in facts]:
        region.happens(*batch)
    revisions = [change.revision for change in region.changes if isinstance(change, DoctorChange)]
    assert revisions == [*range(1, len(revisions) + 1)]
    assert (region.entry().activated, region.entry().profile) == (False, Profile())


def test_s7_no_name_leaves_the_system_again() -> None:
    region = ready(link(), staff(version=2, protected=True))
    assert region.value()["doctor"] == {"hsa_id": DOCTOR, "name": None, "title": None}
    assert region.asks(activate()) == "doctor_not_selectable"


def test_s7_only_a_higher_version_without_the_mark_brings_the_person_back_as_never_activated() -> None:
    region = ready(update(role="x"), staff(version=5, protected=True))
    assert region.happens(staff(version=4)) == Outcome.STALE
    assert region.happens(staff(version=5)) == Outcome.UNCHANGED
    assert region.happens(staff(version=6)) == Outcome.APPLIED
    published = region.doctor_record()
    assert published is not None
    assert (published["active"], published["profile"]["role"]) == (False, None)


def test_s7_a_removal_does_not_lift_the_protection() -> None:
    region = Region(staff(version=5, protected=True))
    assert region.happens(staff_removed(version=5)) == Outcome.UNCHANGED
    assert region.happens(staff_removed(version=7)) == Outcome.APPLIED
    assert region.happens(tombstone(), tombstones=staff_topic) == Outcome.UNCHANGED
    assert region.doctors[DOCTOR].protected
    assert region.happens(staff(version=7)) == Outcome.UNCHANGED
