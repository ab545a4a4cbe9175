"""`activate-doctor` (C4, C6)."""

from __future__ import annotations

from handlers.world import Profile
from tests.harness.builders import (
    EMPTY_PROFILE,
    activate,
    deactivate,
    jobless,
    staff,
    unit,
    update,
)
from tests.harness.region import Region, ready


def test_c4_a_selectable_doctor_becomes_active_and_available() -> None:
    region = Region(unit(), staff())
    assert region.asks(activate()) == "done"
    published = region.doctor_record()
    assert published is not None
    assert (published["active"], published["unavailable_because"], published["profile"]) == (True, [], EMPTY_PROFILE)


def test_c4_a_doctor_who_is_not_selectable_is_refused_before_the_profile_is_looked_at() -> None:
    assert Region(unit(), jobless()).asks(activate(age_min=9, age_max=1)) == "doctor_not_selectable"
    assert Region().asks(activate()) == "doctor_not_selectable"


def test_c4_the_profile_that_results_must_be_sound() -> None:
    region = Region(staff(), activate(age_min=10), deactivate())
    assert region.asks(activate(age_max=9)) == "invalid_profile"
    assert not region.entry().active
    assert region.asks(activate(age_max=10)) == "done"


def test_c4_already_active_and_no_change_in_the_profile_is_unchanged() -> None:
    region = ready(update(role="x"))
    assert region.asks(activate()) == "unchanged"
    assert region.asks(activate(role="x")) == "unchanged"


def test_c4_already_active_with_another_profile_changes_that() -> None:
    region = ready()
    assert region.asks(activate(role="x")) == "done"
    assert region.entry().profile == Profile(role="x")


def test_c4_a_profile_kept_while_inactive_is_there_again() -> None:
    region = ready(update(role="x"), deactivate(), activate())
    assert region.entry().profile == Profile(role="x")
