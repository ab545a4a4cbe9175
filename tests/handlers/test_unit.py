"""KiV says something of a unit (S9, S11)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handlers import unit as unit_topic
from handlers.world import Link, Profile
from handlers.world.changes import Outcome
from tests.harness.builders import (
    DOCTOR,
    EARLIER,
    LONG_AGO,
    NOON,
    OTHER_UNIT,
    PATIENT,
    THIRD_UNIT,
    TODAY,
    TOMORROW,
    UNIT,
    YESTERDAY,
    activate,
    choice,
    deactivate,
    head,
    import_links,
    link,
    listing,
    pause,
    post,
    resume,
    row,
    staff,
    staff_removed,
    tombstone,
    unit,
    unit_removed,
    update,
)
from tests.harness.region import Region, ready

REPLACED = unit(version=2, replaced_by=OTHER_UNIT)


def test_s9_a_new_name_is_one_renamed_change_for_each_linked_patient() -> None:
    region = ready(link(), unit(name="Nya Majorna", version=2))
    assert region.changes_of()[1:] == [("renamed", "unit_renamed")]
    assert region.value()["unit"]["name"] == "Nya Majorna"


def test_s9_a_name_heard_for_the_first_time_is_a_new_name() -> None:
    region = Region(staff(), activate(), listing(), link(), unit())
    assert region.changes_of() == [("assigned", "linked_by_unit"), ("renamed", "unit_renamed")]


def test_s8_a_care_giver_alone_makes_no_change_event() -> None:
    region = ready(link(), unit(version=2, care_giver_hsa_id="SE2321000131-E000000000001"))
    assert region.changes_of() == [("assigned", "linked_by_unit")]


@pytest.mark.parametrize(
    "fact",
    [
        unit(version=2, end=YESTERDAY),
        unit_removed(),
        unit(version=2, kind="other"),
        unit(version=2, kind="jourcentral"),
    ],
    ids=["ended", "removed", "other", "jourcentral"],
)
def test_s9_a_closed_unit_has_no_active_doctors_and_its_links_end(fact: object) -> None:
    region = ready(pause(), resume(), link(), fact)
    assert region.changes_of()[1:] == [("ended", "unit_closed")]
    assert not region.entry().active
    published = region.doctor_record()
    assert published is not None
    assert published["unavailable_because"] == ["not_active", "unit_closed"]
    assert region.asks(activate()) == "unit_closed"


def test_s9_a_unit_is_open_on_its_last_day_and_its_start_decides_nothing() -> None:
    region = ready(unit(version=2, end=TODAY, start=TOMORROW))
    assert region.asks(link()) == "done"


def test_s9_what_is_held_of_a_removed_unit_does_not_name_it() -> None:
    region = ready(link(), unit_removed())
    assert region.value()["unit"] == {"hsa_id": UNIT, "name": None, "care_giver_hsa_id": None}


@pytest.mark.parametrize(
    "fact", [REPLACED, unit(version=2, end=YESTERDAY, replaced_by=OTHER_UNIT)], ids=["no end", "ended"]
)
def test_s9_links_of_a_replaced_unit_move_with_the_same_start_and_nothing_ends(fact: object) -> None:
    region = ready(link(start="2025-03-01"), fact)
    assert region.changes_of()[1:] == [("rekeyed", "unit_replaced")]
    value = region.value()
    assert (value["unit"]["hsa_id"], value["start"], value["doctor"]["title"]) == (
        OTHER_UNIT,
        "2025-03-01",
        "Geriatriker",
    )


def test_s9_a_unit_that_still_has_days_is_not_replaced_yet() -> None:
    region = ready(link(), unit(version=2, end=TODAY, replaced_by=OTHER_UNIT))
    assert region.link() == Link(UNIT, DOCTOR, TODAY)
    region.day_begins(TOMORROW)
    assert region.link() == Link(OTHER_UNIT, DOCTOR, TODAY)
    assert region.entry(unit=OTHER_UNIT).active


def test_s9_the_old_id_means_the_new_unit_in_listings_employments_and_commands() -> None:
    region = Region(REPLACED, staff(), listing())
    assert region.asks(activate()) == "done"
    assert region.asks(link()) == "done"
    assert region.reply["unit_hsa_id"] == UNIT
    assert region.link() == Link(OTHER_UNIT, DOCTOR, TODAY)
    assert region.asks(link(head=head(OTHER_UNIT, of=UNIT))) == "unchanged"


def test_s9_also_when_the_replaced_unit_is_removed_afterwards() -> None:
    region = ready(link(), REPLACED, unit_removed(version=3), listing(sequence=2))
    assert region.changes_of()[1:] == [("rekeyed", "unit_replaced")]
    assert region.asks(link(head=head(UNIT))) == "unchanged"


def test_s9_only_as_long_as_its_fact_says_so() -> None:
    region = Region(REPLACED, staff(), unit(version=3), activate())
    assert region.entry().active
    assert region.doctor_record(unit=OTHER_UNIT) is None


def test_s9_chains_are_followed() -> None:
    region = ready(link(), unit(OTHER_UNIT, replaced_by=THIRD_UNIT), REPLACED)
    assert region.changes_of()[1:] == [("rekeyed", "unit_replaced")]
    assert region.link() == Link(THIRD_UNIT, DOCTOR, TODAY)


def test_s9_a_chain_that_grows_at_its_end_moves_all_again() -> None:
    region = ready(link(), REPLACED, unit(OTHER_UNIT, replaced_by=THIRD_UNIT))
    assert region.changes_of()[1:] == [("rekeyed", "unit_replaced"), ("rekeyed", "unit_replaced")]
    assert region.entry(unit=THIRD_UNIT).active


def test_s9_a_cycle_stops_at_its_first_repeat() -> None:
    region = ready(unit(OTHER_UNIT, replaced_by=UNIT), REPLACED, link())
    assert region.link() == Link(UNIT, DOCTOR, TODAY)
    assert region.asks(link(head=head(OTHER_UNIT))) == "patient_not_listed"


def test_s9_links_that_follow_when_a_cycle_is_broken_are_not_renamed_as_well() -> None:
    region = ready(link(), unit(OTHER_UNIT, replaced_by=UNIT), REPLACED)
    region.happens(unit(OTHER_UNIT, "Vårdcentralen Nya", version=2))
    assert region.changes_of()[1:] == [("rekeyed", "unit_replaced")]


def test_s9_a_unit_replaced_by_itself_is_itself() -> None:
    region = ready(link(), unit(version=2, replaced_by=UNIT))
    assert region.changes_of() == [("assigned", "linked_by_unit")]


def test_s9_a_new_name_of_an_id_that_no_longer_means_the_unit_renames_nobody_there() -> None:
    there = head(OTHER_UNIT)
    employed = staff(DOCTOR, post(OTHER_UNIT))
    region = Region(unit(), unit(OTHER_UNIT), employed, listing(PATIENT, choice(OTHER_UNIT)), activate(head=there))
    region.happens(link(head=there), REPLACED, unit(version=3, name="Vårdcentralen Nya"))
    assert region.changes_of() == [("assigned", "linked_by_unit")]


def test_s9_roster_entries_move_whole() -> None:
    region = ready(update(role="x"), pause(), REPLACED)
    moved, left = region.entry(unit=OTHER_UNIT), region.entry()
    assert (moved.active, moved.pause is not None, moved.profile) == (True, True, Profile(role="x"))
    assert (left.activated, left.active, left.pause, left.profile) == (False, False, None, Profile())
    assert region.doctor_record() is None
    assert region.doctor_record(unit=OTHER_UNIT) is not None


def test_s9_the_new_units_own_entry_stands_and_is_active_when_either_was() -> None:
    there = head(OTHER_UNIT)
    both = staff(DOCTOR, post(), post(OTHER_UNIT), version=2)
    region = ready(update(role="old"), both, activate(head=there, role="own"), deactivate(head=there), REPLACED)
    entry = region.entry(unit=OTHER_UNIT)
    assert (entry.active, entry.profile.role) == (True, "own")


def test_s9_an_import_that_waits_moves_too() -> None:
    region = ready(import_links(row(1), part=1, parts=2), REPLACED)
    assert region.asks(import_links(part=2, parts=2, head=head(OTHER_UNIT))) == "done"
    assert region.link() == Link(OTHER_UNIT, DOCTOR, TODAY)


def test_s9_the_doctors_of_a_closed_unit_are_found_when_it_is_replaced() -> None:
    region = Region(unit(kind="other"), staff(), unit(version=2, kind="other", replaced_by=OTHER_UNIT))
    published = region.doctor_record(unit=OTHER_UNIT)
    assert published is not None
    assert published["selectable"]


def test_e2_a_replacement_is_applied_before_any_reason_to_end() -> None:
    region = ready(link(), unit(OTHER_UNIT, end=YESTERDAY), REPLACED)
    assert region.changes_of()[1:] == [("rekeyed", "unit_replaced"), ("ended", "unit_closed")]
    assert region.value()["unit"]["hsa_id"] == OTHER_UNIT


def test_s2_versions_of_units_are_judged_like_those_of_persons() -> None:
    region = Region(unit(version=5))
    assert region.happens(unit(version=4)) == Outcome.STALE
    assert region.happens(unit(version=5)) == Outcome.UNCHANGED
    assert region.happens(unit_removed(version=5)) == Outcome.APPLIED
    assert region.happens(unit(version=5)) == Outcome.STALE
    assert region.happens(unit_removed(version=7)) == Outcome.APPLIED
    assert region.happens(unit(version=6)) == Outcome.STALE
    assert region.happens(unit(version=8)) == Outcome.APPLIED


def test_s2_the_same_version_with_another_content_is_taken_be_it_the_start_that_decides_nothing() -> None:
    region = Region(unit(version=5, start=YESTERDAY))
    assert region.happens(unit(version=5, start=TODAY)) == Outcome.APPLIED
    assert region.happens(unit(version=5, start=TODAY)) == Outcome.UNCHANGED
    assert region.happens(unit(version=5, name="Nya")) == Outcome.APPLIED


def test_s2_the_same_again_is_unchanged_also_later_and_a_higher_version_alone_is_kept() -> None:
    region = Region(unit(version=5))
    assert region.happens(unit(version=5), at=NOON + timedelta(hours=1)) == Outcome.UNCHANGED
    assert region.happens(unit(version=7)) == Outcome.APPLIED
    assert region.happens(unit(version=6, name="Nya")) == Outcome.STALE


def test_s10_a_unit_never_seen_is_a_vardcentral_and_can_be_removed() -> None:
    assert Region().happens(unit_removed()) == Outcome.APPLIED
    assert Region(staff(), listing(), activate()).asks(link()) == "done"


def test_s11_a_tombstone_closes_the_unit_unless_the_fact_is_later() -> None:
    region = ready(link())
    assert region.happens(tombstone(UNIT), at=EARLIER, tombstones=unit_topic) == Outcome.STALE
    assert region.happens(tombstone(UNIT), at=NOON, tombstones=unit_topic) == Outcome.APPLIED
    assert region.changes_of()[1:] == [("ended", "unit_closed")]
    assert region.happens(unit(version=1)) == Outcome.STALE
    assert Region().happens(tombstone(UNIT), tombstones=unit_topic) == Outcome.UNCHANGED


def test_s9_who_left_the_replaced_unit_does_not_come_along_active() -> None:
    region = ready(link(), staff_removed(), REPLACED)
    assert not region.entry(unit=OTHER_UNIT).active
    assert region.changes_of()[1:] == [("ended", "doctor_left")]


def test_s9_a_listing_at_the_old_id_is_no_relisting() -> None:
    region = ready(link(), REPLACED, listing(PATIENT, choice(OTHER_UNIT, LONG_AGO), sequence=2), listing(sequence=3))
    assert region.changes_of()[1:] == [("rekeyed", "unit_replaced")]
