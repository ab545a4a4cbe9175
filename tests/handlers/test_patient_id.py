"""A patient gets a new personnummer (L9)."""

from __future__ import annotations

import pytest

from handlers.world import Forgotten, Link
from handlers.world.changes import Outcome, Pair
from tests.harness.builders import (
    DOCTOR,
    NEW_PATIENT,
    OTHER_DOCTOR,
    OTHER_UNIT,
    PATIENT,
    SAMORDNINGSNUMMER,
    TODAY,
    TOLVAN,
    TOMORROW,
    UNIT,
    activate,
    choice,
    head,
    id_changed,
    link,
    listing,
    patients,
    staff,
    unit,
)
from tests.harness.region import Region, ready

OLD, NEW = PATIENT, NEW_PATIENT
NOWHERE = None


def test_l9_listing_and_link_move_to_the_new_id_and_1177_forgets_the_old() -> None:
    region = ready(link(start="2025-01-01"), id_changed(sequence=7))
    assert region.link_changes[1:] == [(NEW, "rekeyed", "patient_id_changed"), (OLD, "withdrawn", "patient_id_changed")]
    assert region.link(NEW) == Link(UNIT, DOCTOR, TODAY.replace(2025, 1, 1))
    assert (region.value(NEW)["start"], region.value(NEW)["revision"]) == ("2025-01-01", 1)
    assert (region.last(OLD).value, region.last(OLD).revision) == (None, 2)


def test_l9_of_the_old_id_only_sequence_and_revision_are_remembered() -> None:
    region = ready(link(), id_changed(sequence=7))
    patient = region.patients[int(OLD)]
    assert (patient.forgotten, patient.sequence, patient.revision) == (Forgotten.MOVED, 7, 2)
    assert (patient.current, patient.upcoming, patient.care_burden, patient.link) == (None, None, None, None)


def test_l9_the_same_change_again_is_unchanged() -> None:
    region = ready(link(), id_changed())
    mark = len(region.link_changes)
    assert region.happens(id_changed()) == Outcome.UNCHANGED
    assert region.since(mark) == []


def test_l9_listings_under_the_old_id_are_stale_up_to_the_changes_sequence() -> None:
    region = ready(id_changed(sequence=7))
    assert region.happens(listing(sequence=7)) == Outcome.STALE
    assert region.happens(listing(sequence=8)) == Outcome.APPLIED


@pytest.mark.parametrize("at", [1, 7, 9])
def test_l9_the_new_id_has_the_highest_sequence_of_all_concerned(at: int) -> None:
    region = ready(listing(NEW, NOWHERE, sequence=at), listing(sequence=4), id_changed(sequence=7))
    assert region.patients[int(NEW)].sequence == max(at, 7)


@pytest.mark.parametrize(("old", "new"), [(OLD, SAMORDNINGSNUMMER), (SAMORDNINGSNUMMER, NEW)])
def test_l9_either_id_out_of_scope_is_skipped(old: str, new: str) -> None:
    region = ready(link())
    assert region.happens(id_changed(old, new)) == Outcome.SKIPPED
    assert region.link() is not None


def test_l9_where_the_new_id_is_protected_the_old_is_forgotten_and_nothing_moves() -> None:
    region = ready(link(), listing(NEW, protected=True), id_changed())
    assert region.link_changes[1:] == [(OLD, "withdrawn", "patient_id_changed")]
    assert region.patients[int(NEW)].forgotten is Forgotten.PROTECTED
    assert region.patients[int(OLD)].forgotten is Forgotten.MOVED


def test_l9_a_link_of_the_new_id_stands_and_the_old_is_only_withdrawn() -> None:
    region = ready(listing(NEW), link(OLD), link(NEW, OTHER_DOCTOR), id_changed(), doctors=(DOCTOR, OTHER_DOCTOR))
    assert region.link_changes[2:] == [(OLD, "withdrawn", "patient_id_changed")]
    assert region.link(NEW) == Link(UNIT, OTHER_DOCTOR, TODAY)


def test_l9_an_old_id_never_heard_of_is_remembered_all_the_same() -> None:
    region = Region(id_changed(sequence=6))
    assert region.happens(listing(OLD, sequence=6)) == Outcome.STALE
    assert region.happens(listing(NEW, sequence=5)) == Outcome.STALE
    assert region.happens(listing(NEW, sequence=6)) == Outcome.APPLIED


def test_l9_an_id_that_only_a_change_spoke_of_has_no_listing_that_could_stand() -> None:
    region = ready(id_changed(TOLVAN, NEW, sequence=6), link(OLD), id_changed(OLD, NEW, sequence=7))
    assert region.link(NEW) == Link(UNIT, DOCTOR, TODAY)


def test_l9_an_id_that_only_a_change_spoke_of_has_no_listing_to_give() -> None:
    region = Region(unit(), staff(), activate(), listing(NEW), link(NEW))
    region.happens(id_changed(TOLVAN, OLD, sequence=6))
    region.happens(id_changed(OLD, NEW, sequence=7))
    assert region.link(NEW) == Link(UNIT, DOCTOR, TODAY)


def test_l9_a_later_change_of_an_old_id_is_remembered_as_well() -> None:
    region = ready(link(), id_changed(OLD, NEW, sequence=2))
    assert region.happens(id_changed(OLD, TOLVAN, sequence=3)) == Outcome.APPLIED
    assert region.happens(listing(OLD, sequence=3)) == Outcome.STALE
    assert region.link(NEW) == Link(UNIT, DOCTOR, TODAY)


def test_l9_an_old_id_that_a_change_names_as_new_is_still_an_old_one() -> None:
    region = ready(listing(NEW), id_changed(NEW, TOLVAN, sequence=5), id_changed(patients(1)[0], NEW, sequence=4))
    assert region.happens(listing(NEW, sequence=5)) == Outcome.STALE
    assert region.happens(listing(NEW, sequence=6)) == Outcome.APPLIED


def test_l9_an_upcoming_listing_takes_effect_under_the_new_id() -> None:
    region = ready(link(), listing(OLD, choice(), choice(OTHER_UNIT, TOMORROW), sequence=2), id_changed(sequence=3))
    region.day_begins(TOMORROW)
    assert region.changes_of(NEW) == [("rekeyed", "patient_id_changed"), ("ended", "relisted")]


def test_contract_the_figures_of_the_new_ids_doctor_change_with_the_listing_that_is_taken_over() -> None:
    region = ready(listing(OLD, sequence=5, care_burden=2.0), listing(NEW), link(NEW))
    region.stale_statistics.clear()
    region.happens(id_changed(sequence=6))
    assert region.stale_statistics == {Pair(UNIT, DOCTOR)}


def test_l9_an_id_can_come_back() -> None:
    region = ready(link(), id_changed(OLD, NEW, sequence=2), id_changed(NEW, OLD, sequence=3))
    assert region.link(OLD) == Link(UNIT, DOCTOR, TODAY)
    assert [c.revision for c in (region.last(OLD), region.last(NEW))] == [3, 2]
    assert region.asks(link(OLD, head=head())) == "unchanged"


def test_l9_a_listing_that_says_nowhere_is_heard_of_one_known_from_a_change_of_id_alone() -> None:
    """L1: equal is taken again. Else the next change of id would carry a link to where nobody is listed."""
    third = TOLVAN
    nowhere = listing(NEW, sequence=5, current=None)
    region = ready(listing(sequence=3), link(), id_changed(third, NEW, sequence=5))
    assert region.happens(nowhere) == Outcome.APPLIED
    assert region.happens(nowhere) == Outcome.UNCHANGED
    region.happens(id_changed(OLD, NEW, sequence=3))
    assert region.link(NEW) is None
