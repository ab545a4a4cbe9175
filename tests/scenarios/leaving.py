"""S6-S8, S10, S11: doctors who leave, are protected, change names, or come in odd orders."""

from datetime import timedelta

from tests.harness.records import STAFF, employment
from tests.scenarios.scenario import Scenario, case, day, day_turn


@case("S6", "an employment that is over ends the links on its last day; back again the doctor stays inactive")
def employment_over(c: Scenario) -> None:
    p = c.born()
    c.linked(p)
    c.accept("done", "update-doctor-profile", doctor_hsa_id=c.anna, profile={"patient_ceiling": 3})
    c.accept("done", "pause-doctor", doctor_hsa_id=c.anna, start=day(2))
    c.employ(version=2, setup=False, employments=[employment(c.home, None, day(0))])
    c.on(1)
    c.hear(p, "ended", "doctor_left", day_turn(1), end=day(0))
    c.employ(version=3, setup=False, employments=[employment(c.home, day(1))])
    c.refuse("doctor_not_active", "link-patient", patient_id=p, doctor_hsa_id=c.anna)
    c.on(2)
    c.activate()
    c.hear(p, "assigned", "linked_by_unit", c.link(p), start=day(2))
    c.doctors[f"{c.home}/{c.anna}"] = {
        "unit_hsa_id": c.home,
        "doctor": {"hsa_id": c.anna, "vgr_id": None, "name": "Anna Berg", "title": "Distriktsläkare"},
        "employment": {"start": day(1), "end": None},
        "selectable": True, "active": True, "available": True, "unavailable_because": [],
        "profile": {"work_percent": None, "role": None, "specialisation": None, "st_a": False,
                    "patient_group": None, "patient_ceiling": 3, "age_min": None, "age_max": None},
        "listed_patients": 1, "free_places": 2, "care_burden": 0.0,
    }  # fmt: skip


@case("S6", "licence lost or person removed: the links end today")
def licence_lost(c: Scenario) -> None:
    p, q = c.born(), c.born()
    c.linked(p)
    c.on(1)
    c.hear(p, "ended", "doctor_left", c.employ(version=2, setup=False, licences=[]))
    c.employ(version=3, setup=False)
    c.activate()
    c.list_at(q)
    c.hear(q, "assigned", "linked_by_unit", c.link(q), start=day(1))
    c.hear(q, "ended", "doctor_left", c.send(lambda to: to.staff_removed(c.anna, 4), "applied"), start=day(1))


@case("S7", "protected: links end as withdrawn, the name leaves no more, and the pair is gone")
def protected_doctor(c: Scenario) -> None:
    p = c.born()
    c.linked(p)
    c.hear(p, "ended", "doctor_withdrawn", c.employ(version=2, setup=False, protected=True))
    c.doctors[f"{c.home}/{c.anna}"] = None
    c.refuse("doctor_not_selectable", "activate-doctor", doctor_hsa_id=c.anna)
    c.refuse("doctor_not_active", "link-patient", patient_id=p, doctor_hsa_id=c.anna)
    c.employ(version=2, setup=False, outcome="unchanged")
    c.refuse("doctor_not_selectable", "activate-doctor", doctor_hsa_id=c.anna)
    c.send(lambda to: to.staff_removed(c.anna, 3), None)
    c.employ(version=3, setup=False, outcome="unchanged")
    c.refuse("doctor_not_selectable", "activate-doctor", doctor_hsa_id=c.anna)
    c.send(lambda to: to.tombstone(STAFF, c.anna), "unchanged")
    c.employ(version=2, setup=False, outcome="stale")
    c.refuse("doctor_not_selectable", "activate-doctor", doctor_hsa_id=c.anna)


@case("S7", "a higher version without the mark brings the person back, as one never activated")
def protection_lifted(c: Scenario) -> None:
    p = c.born()
    c.linked(p)
    c.accept("done", "update-doctor-profile", doctor_hsa_id=c.anna, profile={"patient_ceiling": 3})
    c.hear(p, "ended", "doctor_withdrawn", c.employ(version=2, setup=False, protected=True))
    c.employ(version=3, setup=False)
    c.refuse("doctor_not_active", "link-patient", patient_id=p, doctor_hsa_id=c.anna)
    c.doctors[f"{c.home}/{c.anna}"] = {
        "unit_hsa_id": c.home,
        "doctor": {"hsa_id": c.anna, "vgr_id": None, "name": "Anna Berg", "title": "Distriktsläkare"},
        "employment": {"start": None, "end": None},
        "selectable": True, "active": False, "available": False, "unavailable_because": ["not_active"],
        "profile": {"work_percent": None, "role": None, "specialisation": None, "st_a": False,
                    "patient_group": None, "patient_ceiling": None, "age_min": None, "age_max": None},
        "listed_patients": 0, "free_places": None, "care_burden": 0.0,
    }  # fmt: skip


@case("S8", "a new name is one change for each linked patient; a title or care giver alone is none")
def doctor_renamed(c: Scenario) -> None:
    p, q, r = c.born(), c.born(), c.born()
    c.linked(p, q)
    c.list_at(r)
    c.names[c.anna] = ("Anna Karin", "Berg Alm")
    renamed = c.employ(version=2, setup=False)
    c.hear(p, "renamed", "doctor_renamed", renamed, name="Anna Karin Berg Alm")
    c.hear(q, "renamed", "doctor_renamed", renamed, name="Anna Karin Berg Alm")
    c.silent(r)
    c.employ(version=3, setup=False, employments=[employment(c.home, title="Chefläkare")])
    c.open_unit(version=2, setup=False, care_giver_hsa_id="SE2321000131-E000000000002")
    linked = c.link(r)
    c.hear(r, "assigned", "linked_by_unit", linked, title="Chefläkare", care_giver="SE2321000131-E000000000002")


@case("S10", "facts may come in any order: the listing before the unit, the person last")
def any_order(c: Scenario) -> None:
    p = c.born()
    c.list_at(p)
    c.refuse("doctor_not_selectable", "activate-doctor", doctor_hsa_id=c.anna)
    c.employ(setup=False)
    c.activate()
    linked = c.link(p)
    c.hear(p, "assigned", "linked_by_unit", linked, unit_name=None, care_giver=None)
    c.hear(p, "renamed", "unit_renamed", c.open_unit(setup=False))


@case("S10", "a removal of somebody never seen is remembered")
def removed_first(c: Scenario) -> None:
    c.open_unit()
    c.send(lambda to: to.staff_removed(c.anna, 7), None)
    c.employ(version=6, setup=False, outcome="stale")
    c.refuse("doctor_not_selectable", "activate-doctor", doctor_hsa_id=c.anna)
    c.employ(version=8, setup=False)
    c.accept("done", "activate-doctor", doctor_hsa_id=c.anna)


@case("S11", "a tombstone removes as of its timestamp, and only a higher version brings back")
def tombstone(c: Scenario) -> None:
    p = c.born()
    c.linked(p)
    c.send(lambda to: to.tombstone(STAFF, c.bo), "unchanged")
    c.send(lambda to: to.tombstone(STAFF, c.anna, timedelta(days=30)), "stale")
    c.hear(p, "ended", "doctor_left", c.send(lambda to: to.tombstone(STAFF, c.anna), "applied"))
    c.send(lambda to: to.tombstone(STAFF, c.anna), "unchanged")
    c.employ(version=1, setup=False, outcome="stale")
    c.refuse("doctor_not_selectable", "activate-doctor", doctor_hsa_id=c.anna)
    c.employ(version=2, setup=False)
    c.activate()
    c.hear(p, "assigned", "linked_by_unit", c.link(p))
