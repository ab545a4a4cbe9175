"""L1-L8, E1-E3: who is listed where, and when a link ends."""

from tests.harness.records import LISTING, choice, employment
from tests.scenarios.scenario import Scenario, case, day, day_turn

SAMORDNING, RESERVE, LETTERS = "199006622394", "199013402397", "19900602A397"


@case("L1", "the highest sequence wins; lower is stale, equal is taken again, content and all")
def sequences(c: Scenario) -> None:
    p = c.born()
    c.linked(p)
    c.list_at(p, sequence=9)
    c.list_at(p, sequence=10)
    c.list_at(p, c.other, sequence=9, outcome="stale")
    c.list_at(p, sequence=10, outcome="unchanged")
    c.hear(p, "ended", "relisted", c.list_at(p, c.other, sequence=10, since=day(0)), end=day(0))
    c.send(lambda to: to.tombstone(LISTING, f"case-{c.number}"), "unchanged")


@case("L2", "upcoming counts from its valid_from, current whatever its valid_from")
def upcoming(c: Scenario) -> None:
    p, q = c.born(), c.born()
    c.linked(p)
    c.list_at(q, since=day(5))
    c.hear(q, "assigned", "linked_by_unit", c.link(q))
    c.list_at(p, sequence=2, upcoming=choice(c.other, day(2)))
    c.on(1)
    c.accept("unchanged", "link-patient", patient_id=p, doctor_hsa_id=c.anna)
    c.on(2)
    c.hear(p, "ended", "relisted", day_turn(2), end=day(1))
    c.refuse("patient_not_listed", "link-patient", patient_id=p, doctor_hsa_id=c.anna)


@case("L2", "an upcoming choice from today or earlier counts at once")
def upcoming_at_once(c: Scenario) -> None:
    p = c.born()
    c.linked(p)
    ended = c.list_at(p, sequence=2, upcoming=choice(c.other, day(0)))
    c.hear(p, "ended", "relisted", ended, end=day(0))


@case("L3", "listed nowhere: the link ends as unlisted, today")
def unlisted(c: Scenario) -> None:
    p = c.born()
    c.linked(p)
    c.on(1)
    c.hear(p, "ended", "unlisted", c.list_at(p, sequence=2, current=None))


@case("L4", "a new listing at the same unit does not end the link")
def same_unit(c: Scenario) -> None:
    p = c.born()
    c.linked(p)
    c.list_at(p, sequence=2, since=day(0))
    c.list_at(p, sequence=3, current=None, upcoming=choice(c.home, day(0)))
    c.accept("unchanged", "link-patient", patient_id=p, doctor_hsa_id=c.anna)


@case("L5", "a link never follows: the patient lacks a doctor at the new unit, also at one where the doctor works")
def never_follows(c: Scenario) -> None:
    p = c.born()
    c.linked(p)
    c.open_unit(c.other)
    c.employ(c.anna, c.home, c.other, version=2, setup=False)
    c.activate(unit=c.other)
    c.hear(p, "ended", "relisted", c.list_at(p, c.other, 2, since=day(0)), end=day(0))
    spread = c.command("distribute-patients", unit=c.other, seed=1)
    c.answered(spread, "done", counts=(1, 1, 0, 1), unit_hsa_id=c.other,
               unplaced={"no_free_place": 0, "age_outside_limits": 0})  # fmt: skip
    c.hear(p, "assigned", "distributed", spread, unit=c.other)


@case("L6", "an upcoming choice replaced or withdrawn in time has never happened")
def upcoming_withdrawn(c: Scenario) -> None:
    p, q = c.born(), c.born()
    c.linked(p, q)
    c.list_at(p, sequence=2, upcoming=choice(c.other, day(1)))
    c.list_at(q, sequence=2, upcoming=choice(c.other, day(1)))
    c.list_at(p, sequence=3)
    c.list_at(q, sequence=3, upcoming=choice(c.third, day(2)))
    c.on(1)
    c.accept("unchanged", "link-patient", patient_id=q, doctor_hsa_id=c.anna)
    c.on(2)
    c.hear(q, "ended", "relisted", day_turn(2), end=day(1))
    c.silent(p)


@case("L7", "protected: withdrawn with a null value; back only by a higher sequence, without a link")
def protected(c: Scenario) -> None:
    p, never = c.born(), c.born()
    c.linked(p)
    c.list_at(p, sequence=2, protected=True)
    c.withdrawn(p)
    c.list_at(p, sequence=2, outcome="skipped")
    c.list_at(p, sequence=4, protected=True, outcome="skipped")
    c.list_at(p, sequence=3, outcome="stale")
    c.list_at(p, sequence=4, outcome="skipped")
    c.refuse("patient_not_listed", "link-patient", patient_id=p, doctor_hsa_id=c.anna)
    c.refuse("no_such_link", "unlink-patient", patient_id=p)
    c.list_at(p, sequence=5)
    c.hear(p, "assigned", "linked_by_unit", c.link(p))
    c.list_at(never, sequence=1, protected=True)
    c.list_at(never, sequence=1, protected=True, outcome="skipped")
    c.refuse("patient_not_listed", "link-patient", patient_id=never, doctor_hsa_id=c.anna)
    c.silent(never)


@case("L8", "samordningsnummer and reserve numbers are left out, anything else is invalid data")
def other_ids(c: Scenario) -> None:
    c.open_unit()
    for patient in (SAMORDNING, RESERVE, LETTERS, "199006402391"):
        c.list_at(patient, outcome="skipped")
        c.refuse("invalid_patient_id", "link-patient", patient_id=patient, doctor_hsa_id=c.anna)
    for patient in ("199006022398", "199002302391", "9006022397", "", "199006622392", "199006002397", "19900602-2397"):
        dead = c.list_at(patient, outcome="dead")
        c.dead.append((dead.record, "invalid_data"))
        c.refuse("invalid_patient_id", "unlink-patient", patient_id=patient)


@case("E1", "the last day is never before the link's first, and never after today")
def last_days(c: Scenario) -> None:
    p, q, r, s = c.born(), c.born(), c.born(), c.born()
    c.linked(p, q, r)
    c.list_at(s)
    c.hear(s, "assigned", "linked_by_unit", c.link(s, start="2025-03-01"), start="2025-03-01")
    c.on(1)
    c.hear(p, "ended", "relisted", c.list_at(p, c.other, 2, since="2025-05-01"), end=day(0))
    c.hear(q, "ended", "relisted", c.list_at(q, c.other, 2, since=day(9)), end=day(1))
    c.hear(s, "ended", "relisted", c.list_at(s, c.other, 2, since="2025-05-01"), start="2025-03-01", end="2025-04-30")
    late = c.employ(version=2, setup=False, employments=[employment(c.home, None, "2025-02-01")])
    c.hear(r, "ended", "doctor_left", late, end=day(0))


@case("E1", "several employments ended: the last day of the latest; a unit's end that came to light late")
def latest_employment(c: Scenario) -> None:
    p = c.born()
    c.open_unit()
    c.employ()
    c.list_at(p, setup=True)
    c.activate()
    c.hear(p, "assigned", "linked_by_unit", c.link(p, start="2025-01-10"), start="2025-01-10")
    over = [employment(c.home, None, "2025-02-01"), employment(c.home, None, "2025-04-01"),
            employment(c.home, None, "2025-05-01", position_code="100000"), employment(c.other, None, "2025-05-02"),
            employment(c.home, day(3), day(9))]  # fmt: skip
    left = c.employ(version=2, setup=False, employments=over)
    c.hear(p, "ended", "doctor_left", left, start="2025-01-10", end="2025-04-01")
    c.employ(version=3, setup=False)
    c.activate()
    c.hear(p, "assigned", "linked_by_unit", c.link(p, start="2025-01-10"), start="2025-01-10")
    closed = c.open_unit(version=2, setup=False, end="2025-03-31")
    c.hear(p, "ended", "unit_closed", closed, start="2025-01-10", end="2025-03-31")


@case("E2", "where several reasons hold at once the first in order is told")
def several_reasons(c: Scenario) -> None:
    p, q, r = c.born(), c.born(), c.born()
    c.linked(p, q, r)
    c.open_unit(version=2, setup=False, end=day(0))
    c.employ(version=2, setup=False, employments=[employment(c.home, None, day(0))])
    c.list_at(p, sequence=2, upcoming=choice(c.other, day(1)))
    c.list_at(r, sequence=2, protected=True)
    c.withdrawn(r)
    c.on(1)
    c.hear(p, "ended", "relisted", day_turn(1), end=day(0))
    c.hear(q, "ended", "unit_closed", day_turn(1), end=day(0))


@case("E2", "a replacement is applied before any ending: first rekeyed, then ended at the new unit")
def replacement_first(c: Scenario) -> None:
    p, q = c.born(), c.born()
    c.linked(p, q)
    c.open_unit(c.other, kind="jourcentral")
    c.list_at(q, sequence=2, upcoming=choice(c.third, day(1)))
    c.open_unit(version=2, setup=False, end=day(0), replaced_by=c.other)
    c.on(1)
    for patient, reason in ((p, "unit_closed"), (q, "relisted")):
        c.hear(patient, "rekeyed", "unit_replaced", day_turn(1), unit=c.other)
        c.hear(patient, "ended", reason, day_turn(1), unit=c.other, end=day(0) if reason == "relisted" else day(1))
