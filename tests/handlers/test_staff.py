"""KiV says something of a person (S1-S6, S8, S10, S11)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from handlers import staff as staff_topic
from handlers.world import Doctor, Policy, Profile
from handlers.world.changes import Outcome
from tests.harness.builders import (
    DOCTOR,
    EARLIER,
    LONG_AGO,
    NOON,
    OTHER_DOCTOR,
    OTHER_UNIT,
    PATIENT,
    TODAY,
    TOMORROW,
    UNIT,
    YESTERDAY,
    activate,
    head,
    jobless,
    link,
    listing,
    patients,
    pause,
    post,
    staff,
    staff_removed,
    tombstone,
    unit,
    update,
)
from tests.harness.region import Region, ready


def test_s1_news_from_kiv_leaves_activation_pause_and_profile_alone() -> None:
    region = ready(update(role="Jourläkare", patient_ceiling=7), pause())
    before = region.entry()
    region.happens(staff(version=2, name=("Jon", "Karlsson")))
    after = region.entry()
    assert (after.active, after.pause, after.profile) == (True, before.pause, before.profile)


def test_s2_a_higher_version_is_taken() -> None:
    region = Region(staff(version=9))
    assert region.happens(staff(version=10, name=("Jon", "Ny"))) == Outcome.APPLIED
    assert region.doctors[DOCTOR].name == "Jon Ny"


def test_s2_late_news_changes_nothing() -> None:
    region = Region(staff(version=10))
    before = region.doctors[DOCTOR]
    assert region.happens(staff(version=9, name=("Jon", "Gammal"))) == Outcome.STALE
    assert region.happens(staff_removed(version=9)) == Outcome.STALE
    assert region.doctors[DOCTOR] == before


def test_s2_the_same_version_again_is_unchanged() -> None:
    region = Region(staff(version=3))
    count = len(region.changes)
    assert region.happens(staff(version=3), at=NOON + timedelta(hours=1)) == Outcome.UNCHANGED
    assert len(region.changes) == count


def test_s2_the_same_version_is_taken_content_and_all() -> None:
    region = ready(link())
    assert region.happens(jobless(version=1)) == Outcome.APPLIED
    assert region.changes_of()[-1] == ("ended", "doctor_left")


def test_s2_at_the_same_version_a_removal_wins_whichever_came_first() -> None:
    state_first, removal_first = Region(staff(version=5)), Region(staff_removed(version=5))
    assert state_first.happens(staff_removed(version=5)) == Outcome.APPLIED
    assert removal_first.happens(staff(version=5)) == Outcome.STALE
    removed = [replace(region.doctors[DOCTOR], place=None) for region in (state_first, removal_first)]
    assert removed == [Doctor(DOCTOR, 5, removed=True, fact_at=NOON)] * 2


def test_s2_a_removal_again_is_unchanged() -> None:
    assert Region(staff_removed(version=5)).happens(staff_removed(version=5)) == Outcome.UNCHANGED


@pytest.mark.parametrize("code", ["201010", "201011", "202010", "203010", "203090"])
def test_s3_a_licensed_doctor_with_an_eligible_employment_today_is_selectable(code: str) -> None:
    assert Region(staff(DOCTOR, post(code=code))).asks(activate()) == "done"


@pytest.mark.parametrize(
    "person",
    [
        staff(licences=()),
        staff(licences=("SJ",)),
        staff(protected=True),
        jobless(),
        staff(DOCTOR, post(code="251010", title="Tandläkare")),
        staff(DOCTOR, post(code=None)),
        staff(DOCTOR, post(start=TOMORROW)),
        staff(DOCTOR, post(end=YESTERDAY)),
        staff(DOCTOR, post(OTHER_UNIT)),
    ],
    ids=["no licence", "another licence", "protected", "no post", "dentist", "no code", "not yet", "over", "elsewhere"],
)
def test_s3_nobody_else_is_selectable(person: object) -> None:
    region = Region(person)
    assert region.asks(activate()) == "doctor_not_selectable"
    assert region.doctor_record() is None


def test_s3_both_ends_of_an_employment_belong_to_it_and_missing_ones_are_open() -> None:
    for start, end in ((TODAY, None), (None, TODAY), (TODAY, TODAY), (None, None)):
        assert Region(staff(DOCTOR, post(start=start, end=end))).asks(activate()) == "done"


def test_s3_eligible_positions_are_a_setting() -> None:
    policy = Policy(eligible_positions=frozenset({"999999"}))
    assert Region(staff(DOCTOR, post(code="999999")), policy=policy).asks(activate()) == "done"
    assert Region(staff(), policy=policy).asks(activate()) == "doctor_not_selectable"


def test_s4_an_employment_that_ends_touches_the_links_of_its_unit_only() -> None:
    here, there = PATIENT, patients(1)[0]
    region = ready(
        staff(DOCTOR, post(), post(OTHER_UNIT), version=2),
        activate(head=head(OTHER_UNIT)),
        listing(there, listing(there).current.model_copy(update={"unit_hsa_id": OTHER_UNIT})),  # type: ignore[union-attr]
        link(here),
        link(there, head=head(OTHER_UNIT)),
        staff(DOCTOR, post(OTHER_UNIT), version=3),
    )
    assert region.link_changes[2:] == [(here, "ended", "doctor_left")]
    assert region.link(there) is not None
    assert (region.entry().active, region.entry(unit=OTHER_UNIT).active) == (False, True)


@pytest.mark.parametrize(
    ("posts", "title"),
    [
        ((post(title="a", start=None), post(title="b", start=LONG_AGO)), "b"),
        ((post(title="a", code="203010"), post(title="b", code="201010")), "b"),
        ((post(title="a"), post(title="b")), "a"),
        ((post(title="a"), post(title="b", start=TOMORROW), post(title="c", code="251010", start=TODAY)), "a"),
    ],
    ids=["latest start", "lowest code", "first in the message", "only those that make selectable"],
)
def test_s4_the_title_is_that_of_the_latest_start_then_the_lowest_code_then_the_first(posts: tuple, title: str) -> None:  # type: ignore[type-arg]
    region = ready(staff(DOCTOR, *posts, version=2), link())
    assert region.value()["doctor"]["title"] == title
    published = region.doctor_record()
    assert published is not None
    assert published["doctor"]["title"] == title


def test_s4_there_is_no_title_and_no_employment_where_none_makes_the_pair_selectable() -> None:
    published = ready(jobless(version=2)).doctor_record()
    assert published is not None
    assert (published["doctor"]["title"], published["employment"], published["selectable"]) == (None, None, False)


def test_s5_absence_takes_no_new_links_and_keeps_the_old() -> None:
    away = staff(DOCTOR, post(away=((TODAY, TODAY),)), version=2)
    region = ready(link(), away, listing(patients(1)[0]))
    assert region.changes_of() == [("assigned", "linked_by_unit")]
    assert region.asks(link(patients(1)[0])) == "doctor_absent"
    published = region.doctor_record()
    assert published is not None
    assert published["unavailable_because"] == ["absent"]


def test_s5_one_employment_without_absence_is_enough() -> None:
    region = ready(staff(DOCTOR, post(away=((None, None),)), post(), version=2))
    assert region.asks(link()) == "done"


@pytest.mark.parametrize(
    "fact",
    [jobless(version=2), staff(version=2, licences=()), staff_removed(), staff(DOCTOR, post(end=YESTERDAY), version=2)],
    ids=["employment gone", "licence lost", "person removed", "employment over"],
)
def test_s6_who_is_no_longer_selectable_becomes_inactive_and_the_links_end(fact: object) -> None:
    region = ready(update(role="x"), link(), pause(), fact)
    assert region.changes_of() == [("assigned", "linked_by_unit"), ("ended", "doctor_left")]
    entry = region.entry()
    assert (entry.active, entry.pause, entry.profile) == (False, None, Profile(role="x"))


def test_s6_selectable_again_the_doctor_stays_inactive_until_activated_again() -> None:
    region = ready(jobless(version=2), staff(version=3))
    assert region.asks(link()) == "doctor_not_active"
    assert (region.asks(activate()), region.asks(link())) == ("done", "done")


def test_s6_a_setting_keeps_the_links_of_who_left() -> None:
    region = ready(link(), jobless(version=2), policy=Policy(end_links_of_leavers=False))
    assert region.changes_of() == [("assigned", "linked_by_unit")]
    assert not region.entry().active


def test_s8_a_new_name_is_one_renamed_change_for_each_linked_patient() -> None:
    one, two = sorted([PATIENT, *patients(1)])
    region = ready(listing(patients(1)[0]), link(one), link(two), staff(version=2, name=("Jon", "Ny")))
    assert region.link_changes[2:] == [(one, "renamed", "doctor_renamed"), (two, "renamed", "doctor_renamed")]
    assert region.value()["doctor"]["name"] == "Jon Ny"


def test_s8_a_title_alone_makes_no_change_event_but_the_doctor_topic_shows_it() -> None:
    region = ready(link(), staff(DOCTOR, post(title="Överläkare"), version=2))
    assert region.changes_of() == [("assigned", "linked_by_unit")]
    published = region.doctor_record()
    assert published is not None
    assert published["doctor"]["title"] == "Överläkare"


def test_s8_who_leaves_under_a_new_name_is_not_renamed_as_well() -> None:
    region = ready(link(), jobless(version=2, name=("Jon", "Ny")))
    assert region.changes_of() == [("assigned", "linked_by_unit"), ("ended", "doctor_left")]


def test_s10_persons_and_units_never_seen_are_normal() -> None:
    assert Region().happens(staff_removed()) == Outcome.APPLIED
    region = Region(staff(), listing())
    assert region.asks(activate()) == "done"
    assert region.asks(link()) == "done"
    assert region.value()["unit"] == {"hsa_id": UNIT, "name": None, "care_giver_hsa_id": None}


def test_s11_a_tombstone_removes_as_of_its_timestamp() -> None:
    region = ready(link())
    assert region.happens(tombstone(), at=EARLIER, tombstones=staff_topic) == Outcome.STALE
    assert region.happens(tombstone(), at=NOON, tombstones=staff_topic) == Outcome.APPLIED
    assert region.changes_of()[-1] == ("ended", "doctor_left")


def test_s11_after_a_tombstone_only_a_higher_version_brings_the_person_back() -> None:
    region = Region(staff(version=3))
    region.happens(tombstone(), at=NOON, tombstones=staff_topic)
    assert region.happens(staff(version=3)) == Outcome.STALE
    assert region.happens(staff(version=4)) == Outcome.APPLIED


def test_s11_a_tombstone_for_one_never_seen_or_removed_already_is_unchanged() -> None:
    assert Region().happens(tombstone(), tombstones=staff_topic) == Outcome.UNCHANGED
    later = NOON + timedelta(days=1)
    assert Region(staff_removed()).happens(tombstone(), at=later, tombstones=staff_topic) == Outcome.UNCHANGED


def test_p6_the_name_is_given_name_and_surname_as_kiv_has_it() -> None:
    region = ready(staff(version=2, name=("Albertino-Junior", "Lopes-Livramento")), link())
    assert region.value()["doctor"]["name"] == "Albertino-Junior Lopes-Livramento"


def test_s3_a_doctor_heard_of_while_the_unit_is_closed_is_shown_once_it_opens() -> None:
    region = Region(unit(kind="other"), staff())
    assert region.doctor_record() is None
    region.happens(unit(version=2))
    published = region.doctor_record()
    assert published is not None
    assert published["unavailable_because"] == ["not_active"]


def test_s4_each_doctor_has_an_entry_of_their_own() -> None:
    region = ready(staff(OTHER_DOCTOR), update(role="x"))
    assert (region.entry().profile.role, region.entry(OTHER_DOCTOR).profile.role) == ("x", None)
