"""A day begins, and what it causes happens (T1, T2, T4, T5)."""

from __future__ import annotations

from datetime import date, timedelta

from handlers.world import Policy
from handlers.world.changes import AuditEntry, Json
from tests.harness.builders import (
    DOCTOR,
    LONG_AGO,
    NOON,
    OTHER_UNIT,
    PATIENT,
    TODAY,
    TOMORROW,
    UNIT,
    activate,
    choice,
    import_links,
    link,
    listing,
    pause,
    post,
    row,
    staff,
    unit,
)
from tests.harness.region import Region, ready

AFTER = TOMORROW + timedelta(days=1)
ENDS_TODAY = staff(DOCTOR, post(end=TODAY), version=2)


def doctor_record(region: Region) -> Json:
    published = region.doctor_record()
    assert published is not None
    return published


def test_t2_the_time_of_a_change_is_that_of_the_message_that_caused_it() -> None:
    region = ready(ENDS_TODAY, link())
    region.day_begins(TOMORROW, at=NOON + timedelta(hours=12))
    assert region.value()["changed_at"] == "2026-05-27T00:00:00Z"


def test_t4_an_upcoming_listing_takes_effect() -> None:
    region = ready(listing(PATIENT, choice(OTHER_UNIT), choice(UNIT, TOMORROW), sequence=2))
    assert region.asks(link()) == "patient_not_listed"
    region.day_begins(TOMORROW)
    assert region.asks(link()) == "done"


def test_t4_an_employment_ends_the_day_after_its_last() -> None:
    region = ready(ENDS_TODAY, link())
    assert doctor_record(region)["selectable"]
    region.day_begins(TOMORROW)
    assert region.changes_of()[1:] == [("ended", "doctor_left")]
    assert (region.value()["end"], region.entry().active) == (TODAY.isoformat(), False)


def test_t4_an_employment_begins() -> None:
    region = Region(staff(DOCTOR, post(start=TOMORROW)))
    region.day_begins(TOMORROW)
    assert doctor_record(region)["unavailable_because"] == ["not_active"]
    assert region.asks(activate()) == "done"


def test_t4_an_employment_that_begins_shows_a_doctor_once_active() -> None:
    region = ready(ENDS_TODAY)
    region.day_begins(TOMORROW)
    region.happens(staff(DOCTOR, post(start=AFTER), version=3))
    assert doctor_record(region)["unavailable_because"] == ["not_selectable", "not_active"]
    region.day_begins(AFTER)
    assert doctor_record(region)["unavailable_because"] == ["not_active"]


def test_t4_absences_begin_and_end() -> None:
    region = ready(staff(DOCTOR, post(away=((TOMORROW, TOMORROW),)), version=2))
    reasons = [doctor_record(region)["unavailable_because"]]
    for day in (TOMORROW, AFTER):
        region.day_begins(day)
        reasons.append(doctor_record(region)["unavailable_because"])
    assert reasons == [[], ["absent"], []]


def test_t4_pauses_begin_and_end() -> None:
    region = ready(pause(start=TOMORROW.isoformat(), end=TOMORROW.isoformat()))
    reasons = [doctor_record(region)["unavailable_because"]]
    for day in (TOMORROW, AFTER):
        region.day_begins(day)
        reasons.append(doctor_record(region)["unavailable_because"])
    assert reasons == [[], ["paused"], []]
    assert region.entry().pause is None


def test_t4_a_unit_ends_the_day_after_its_last() -> None:
    region = ready(unit(version=2, end=TODAY), link())
    region.day_begins(TOMORROW)
    assert region.changes_of()[1:] == [("ended", "unit_closed")]
    assert region.value()["end"] == TODAY.isoformat()
    assert doctor_record(region)["unavailable_because"] == ["not_active", "unit_closed"]


def test_t4_missed_days_are_caught_up_in_order() -> None:
    upcoming = choice(OTHER_UNIT, AFTER)
    region = ready(ENDS_TODAY, link(), listing(PATIENT, choice(), upcoming, sequence=2))
    region.day_begins(AFTER + timedelta(days=3))
    assert region.changes_of()[1:] == [("ended", "doctor_left")]


def test_t4_who_was_worked_off_is_due_no_more() -> None:
    region = ready(link(), listing(PATIENT, choice(), choice(UNIT, TOMORROW), sequence=2))
    region.day_begins(TOMORROW)
    assert (region.patients[int(PATIENT)].due, region.changes_of()) == (None, [("assigned", "linked_by_unit")])


def test_t4_a_day_on_which_nothing_is_due_says_nothing() -> None:
    region = ready(link())
    count = len(region.changes)
    region.day_begins(AFTER)
    assert len(region.changes) == count


def test_t5_a_later_decision_uses_the_new_day_while_the_old_links_are_worked_off() -> None:
    region = ready(ENDS_TODAY, link())
    region.day_begins(TOMORROW, works_off=False)
    assert region.changes_of() == [("assigned", "linked_by_unit")]
    assert region.asks(link(start=TOMORROW.isoformat())) == "doctor_not_active"
    assert region.changes_of()[1:] == [("ended", "doctor_left")]
    region.works_off()
    assert len(region.link_changes) == 2


def test_t5_what_the_day_caused_comes_before_a_listing_of_the_new_day() -> None:
    region = ready(link(), listing(PATIENT, choice(), choice(OTHER_UNIT, TOMORROW), sequence=2))
    region.day_begins(TOMORROW, works_off=False)
    region.happens(listing(PATIENT, choice(), sequence=3))
    assert region.changes_of()[1:] == [("ended", "relisted")]


def test_t5_a_replacement_that_the_day_brings_reaches_the_listing_of_an_unloaded_patient() -> None:
    region = ready(link(), unit(version=2, end=TODAY, replaced_by=OTHER_UNIT))
    region.day_begins(TOMORROW, works_off=False)
    region.happens(listing(PATIENT, choice(OTHER_UNIT), sequence=2))
    assert region.changes_of()[1:] == [("rekeyed", "unit_replaced")]


def test_t4_links_of_leavers_stay_where_the_setting_keeps_them() -> None:
    region = ready(ENDS_TODAY, link(), policy=Policy(end_links_of_leavers=False))
    region.day_begins(TOMORROW)
    assert region.changes_of() == [("assigned", "linked_by_unit")]
    assert not region.entry().active


def test_c6_an_age_that_no_longer_fits_ends_nothing() -> None:
    region = ready(activate(age_max=35), link())
    region.day_begins(date(2026, 6, 3))
    assert region.changes_of() == [("assigned", "linked_by_unit")]


def test_c11_an_import_still_incomplete_on_the_second_day_is_refused_in_the_name_of_its_first_part() -> None:
    region = ready()
    region.happens(import_links(row(), part=2, parts=3), id="first")
    region.happens(import_links(row(2), part=1, parts=3), id="second")
    region.happens(import_links(row(3), part=2, parts=3), id="again")
    region.day_begins(TOMORROW)
    assert region.asks(import_links(part=1, parts=3)) == "waiting"
    region.day_begins(AFTER)
    reply = region.reply
    assert (reply["code"], reply["command_id"], reply["counts"]) == ("import_incomplete", "first", None)
    noted = [change for change in region.changes if isinstance(change, AuditEntry)][-1]
    assert (noted.what, noted.reason, noted.cause.id) == ("import-links", "import_incomplete", "first")
    assert region.asks(import_links(part=3, parts=3)) == "repeated"
    assert region.resent == [("a-source", "first")]


def test_s4_another_title_on_another_day_is_shown_without_a_change_event() -> None:
    posts = (post(title="AT", start=LONG_AGO, end=TODAY), post(title="ST", start=TOMORROW))
    region = ready(staff(DOCTOR, *posts, version=2), link())
    region.day_begins(TOMORROW)
    assert doctor_record(region)["doctor"]["title"] == "ST"
    assert region.changes_of() == [("assigned", "linked_by_unit")]
