"""T1-T5: the day is a fact, and what it causes happens when it begins."""

from tests.harness.records import choice, employment
from tests.scenarios.scenario import Scenario, case, day, day_turn

JUMP = 10  # the days before it are missed: the clock goes from 3 to 10


@case("T1", "the same day again, or an earlier one, changes nothing")
def the_same_day_again(c: Scenario) -> None:
    p = c.born()
    c.linked(p)
    c.on(1)
    c.send(lambda to: to.day(day(1)), None)
    c.send(lambda to: to.day(day(0)), None)
    relisted = c.list_at(p, c.other, 2, since=day(1))
    c.hear(p, "ended", "relisted", relisted, end=day(0))


@case("T2", "without ce_time the time of a change is the record's timestamp")
def time_of_the_record(c: Scenario) -> None:
    p = c.born()
    c.linked(p)
    c.names[c.anna] = ("Anna", "Alm")
    renamed = c.employ(version=2, setup=False, attributes={"time": None})
    c.hear(p, "renamed", "doctor_renamed", renamed)


@case("T4", "missed days are caught up one by one, each with its own end of links")
def missed_days(c: Scenario) -> None:
    p, q, r = c.born(), c.born(), c.born()
    c.linked(p, q, r)
    c.employ(setup=False, version=2, employments=[employment(c.home, None, day(5))])
    c.list_at(p, sequence=2, upcoming=choice(c.other, day(8)))
    c.list_at(q, sequence=2, upcoming=choice(c.other, day(5)))
    c.list_at(r, sequence=2, upcoming=choice(c.other, day(6)))
    c.hear(p, "ended", "doctor_left", day_turn(JUMP), end=day(5))
    c.hear(q, "ended", "relisted", day_turn(JUMP), end=day(4))
    c.hear(r, "ended", "relisted", day_turn(JUMP), end=day(5))


@case("T4", "a unit's end before a relisting among the missed days is told as the unit's end")
def unit_end_among_missed_days(c: Scenario) -> None:
    p = c.born()
    c.linked(p)
    c.open_unit(version=2, setup=False, end=day(4))
    c.list_at(p, sequence=2, upcoming=choice(c.other, day(7)))
    c.hear(p, "ended", "unit_closed", day_turn(JUMP), end=day(4))


@case("T4", "absences and pauses begin and end with the day")
def absences_and_pauses(c: Scenario) -> None:
    p, q = c.born(), c.born()
    c.open_unit()
    away = [{"start": day(1), "end": day(1)}]
    c.employ(c.anna, employments=[employment(c.home, absences=away)])
    c.employ(c.bo)
    c.list_at(p, setup=True)
    c.list_at(q, setup=True)
    c.activate(c.anna)
    c.activate(c.bo)
    c.accept("done", "pause-doctor", doctor_hsa_id=c.bo, start=day(1), end=day(1))
    c.on(1)
    c.refuse("doctor_absent", "link-patient", patient_id=p, doctor_hsa_id=c.anna)
    c.refuse("doctor_paused", "link-patient", patient_id=q, doctor_hsa_id=c.bo)
    c.on(2)
    c.hear(p, "assigned", "linked_by_unit", c.link(p, c.anna), start=day(2))
    c.hear(q, "assigned", "linked_by_unit", c.link(q, c.bo), doctor=c.bo, start=day(2))


@case("T4", "an employment that begins makes the doctor selectable")
def employment_begins(c: Scenario) -> None:
    c.open_unit()
    c.employ(employments=[employment(c.home, day(2))])
    c.refuse("doctor_not_selectable", "activate-doctor", doctor_hsa_id=c.anna)
    c.on(1)
    c.refuse("doctor_not_selectable", "activate-doctor", doctor_hsa_id=c.anna)
    c.on(2)
    c.accept("done", "activate-doctor", doctor_hsa_id=c.anna)
