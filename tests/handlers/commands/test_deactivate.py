"""`deactivate-doctor` (C4)."""

from __future__ import annotations

from handlers.world import Policy, Profile
from tests.harness.builders import TODAY, deactivate, jobless, link, pause, update
from tests.harness.region import Region, ready


def test_c4_a_doctor_without_patients_becomes_inactive_and_keeps_the_profile() -> None:
    region = ready(update(role="x"), pause())
    assert region.asks(deactivate()) == "done"
    entry = region.entry()
    assert (entry.active, entry.pause, entry.profile) == (False, None, Profile(role="x"))


def test_c4_linked_patients_stand_in_the_way() -> None:
    region = ready(link())
    assert region.asks(deactivate()) == "doctor_has_patients"
    assert region.entry().active


def test_c4_unless_their_links_are_to_end() -> None:
    region = ready(link())
    assert region.asks(deactivate(links="end")) == "done"
    assert region.changes_of()[1:] == [("ended", "doctor_deactivated")]
    assert region.value()["end"] == TODAY.isoformat()


def test_c4_not_active_is_unchanged() -> None:
    assert ready(deactivate()).asks(deactivate()) == "unchanged"
    assert Region().asks(deactivate(links="end")) == "unchanged"


def test_c4_links_that_the_setting_kept_stand_in_the_way_and_can_be_ended() -> None:
    region = ready(link(), jobless(version=2), policy=Policy(end_links_of_leavers=False))
    assert region.asks(deactivate()) == "doctor_has_patients"
    assert region.asks(deactivate(links="end")) == "done"
    assert region.link() is None
