"""`pause-doctor` and `resume-doctor` (C5)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handlers.world import Pause
from tests.harness.builders import (
    PATIENT,
    TODAY,
    TOMORROW,
    YESTERDAY,
    deactivate,
    link,
    listing,
    patients,
    pause,
    resume,
)
from tests.harness.region import Region, ready

NOW, NEXT, BEFORE = TODAY.isoformat(), TOMORROW.isoformat(), YESTERDAY.isoformat()


@pytest.mark.parametrize("command", [pause(), resume()])
def test_c5_the_doctor_must_be_active(command: object) -> None:
    assert Region().asks(command) == "doctor_not_active"
    assert ready(deactivate()).asks(command) == "doctor_not_active"


@pytest.mark.parametrize(
    ("start", "end", "paused"),
    [(None, None, True), (NOW, NOW, True), (BEFORE, NOW, True), (NEXT, None, False), (NEXT, NEXT, False)],
)
def test_c5_paused_is_from_start_to_end_both_included(start: str | None, end: str | None, paused: bool) -> None:
    region = ready(pause(start=start, end=end))
    assert region.asks(link()) == ("doctor_paused" if paused else "done")


@pytest.mark.parametrize(("start", "end"), [(NEXT, NOW), (None, BEFORE), (BEFORE, BEFORE), ("x", None), (None, "x")])
def test_c5_an_end_before_the_start_or_before_today_is_no_date(start: str | None, end: str | None) -> None:
    region = ready()
    assert region.asks(pause(start=start, end=end)) == "invalid_date"
    assert region.entry().pause is None


def test_c5_existing_links_stay_and_1177_still_shows_the_name() -> None:
    region = ready(link(), pause(), listing(patients(1)[0]))
    assert region.changes_of(PATIENT) == [("assigned", "linked_by_unit")]
    published = region.doctor_record()
    assert published is not None
    assert (published["active"], published["unavailable_because"]) == (True, ["paused"])


def test_c5_a_new_pause_replaces_the_old_and_the_same_is_unchanged() -> None:
    region = ready(pause())
    assert region.asks(pause(start=NOW)) == "unchanged"
    assert region.asks(pause(start=NEXT)) == "done"
    assert region.entry().pause == Pause(TOMORROW, None)


def test_c5_resume_removes_any_pause_also_a_coming_one() -> None:
    for start in (NOW, NEXT):
        region = ready(pause(start=start))
        assert region.asks(resume()) == "done"
        assert region.entry().pause is None


def test_c5_nothing_to_resume_is_unchanged() -> None:
    assert ready().asks(resume()) == "unchanged"
    over = ready(pause(end=NOW))
    over.day_begins(TODAY + timedelta(days=1))
    assert over.asks(resume()) == "unchanged"
