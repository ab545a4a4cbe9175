"""S1-S5: who may be chosen, and what of a person's fact decides it."""

from tests.harness.records import Data, employment
from tests.scenarios.scenario import Scenario, case, day


@case("S1", "a fact of KiV never overwrites the profile")
def profile_is_the_units(c: Scenario) -> None:
    c.open_unit()
    c.employ()
    c.activate(work_percent=80, role="Verksamhetschef", patient_ceiling=7)
    c.employ(version=2, setup=False, specialties=["20200"], vgr_id="annbe1")
    c.doctors[f"{c.home}/{c.anna}"] = {
        "unit_hsa_id": c.home,
        "doctor": {"hsa_id": c.anna, "vgr_id": "annbe1", "name": "Anna Berg", "title": "Distriktsläkare"},
        "employment": {"start": None, "end": None},
        "selectable": True, "active": True, "available": True, "unavailable_because": [],
        "profile": {"work_percent": 80, "role": "Verksamhetschef", "specialisation": None, "st_a": False,
                    "patient_group": None, "patient_ceiling": 7, "age_min": None, "age_max": None},
        "listed_patients": 0, "free_places": 7, "care_burden": 0.0,
    }  # fmt: skip


@case("S2", "the highest version wins, as an integer; a lower one is stale, an equal one is taken again")
def versions_of_a_person(c: Scenario) -> None:
    p = c.born()
    c.linked(p)
    c.names[c.anna] = ("Anna", "Nio")
    c.hear(p, "renamed", "doctor_renamed", c.employ(version=9, setup=False))
    c.names[c.anna] = ("Anna", "Tio")
    c.hear(p, "renamed", "doctor_renamed", c.employ(version=10, setup=False))
    c.employ(version=10, setup=False, outcome="unchanged")
    c.names[c.anna] = ("Anna", "Gammal")
    c.employ(version=9, setup=False, outcome="stale")
    c.names[c.anna] = ("Anna", "Om")
    c.hear(p, "renamed", "doctor_renamed", c.employ(version=10, setup=False))
    c.employ(version=11, setup=False)


@case("S2", "at the same version a removal wins over a state, whichever came first")
def removal_wins(c: Scenario) -> None:
    p = c.born()
    c.linked(p)
    c.send(lambda to: to.staff_removed(c.bo, 5), None)
    c.employ(c.bo, version=5, setup=False, outcome="stale")
    c.refuse("doctor_not_selectable", "activate-doctor", doctor_hsa_id=c.bo)
    c.employ(version=5, setup=False)
    c.send(lambda to: to.staff_removed(c.anna, 4), "stale")
    removed = c.send(lambda to: to.staff_removed(c.anna, 5), "applied")
    c.hear(p, "ended", "doctor_left", removed)
    c.send(lambda to: to.staff_removed(c.anna, 5), "unchanged")
    c.employ(version=5, setup=False, outcome="stale")


@case("S3", "licence, position code and dates make a doctor selectable, words never")
def who_is_selectable(c: Scenario) -> None:
    c.open_unit()
    refused: list[Data] = [
        {"licences": []},
        {"licences": ["TL"]},
        {"employments": [employment(c.home, position_code="251010", title="Tandläkare")]},
        {"employments": [employment(c.home, position_code="204010", title="Läkare")]},
        {"employments": [employment(c.home, position_code="2020101")]},
        {"employments": [employment(c.home, day(1))]},
        {"employments": [employment(c.home, None, "2025-05-25")]},
        {"employments": [employment(c.other)]},
        {"employments": []},
        {"protected": True},
    ]
    for version, fields in enumerate(refused, start=1):
        c.employ(version=version, setup=False, **fields)
        c.refuse("doctor_not_selectable", "activate-doctor", doctor_hsa_id=c.anna)
    for version, code in enumerate(("201010", "201011", "202010", "203010", "203090"), start=20):
        c.employ(version=version, setup=False, employments=[employment(c.home, day(0), day(0), position_code=code)])
        c.accept("done", "activate-doctor", doctor_hsa_id=c.anna)
        c.accept("done", "deactivate-doctor", doctor_hsa_id=c.anna)
    c.refuse("doctor_not_selectable", "activate-doctor", doctor_hsa_id=c.bo)


@case("S4", "availability belongs to the pair: what ends at one unit leaves the other alone")
def two_units(c: Scenario) -> None:
    p, q = c.born(), c.born()
    c.open_unit(c.home)
    c.open_unit(c.other)
    c.employ(c.anna, c.home, c.other)
    c.list_at(p, c.home, setup=True)
    c.list_at(q, c.other, setup=True)
    c.activate(c.anna, c.home)
    c.activate(c.anna, c.other)
    c.hear(p, "assigned", "linked_by_unit", c.link(p))
    c.hear(q, "assigned", "linked_by_unit", c.link(q, unit=c.other), unit=c.other)
    c.hear(p, "ended", "doctor_left", c.employ(c.anna, c.other, version=2, setup=False))
    c.refuse("doctor_not_active", "link-patient", patient_id=p, doctor_hsa_id=c.anna)
    r = c.born()
    c.list_at(r, c.other)
    c.hear(r, "assigned", "linked_by_unit", c.link(r, unit=c.other), unit=c.other)


@case("S4", "the title is of the latest start, then the lowest position code, then the first in the message")
def which_title(c: Scenario) -> None:
    p, q, r = c.born(), c.born(), c.born()
    c.open_unit()
    c.employ(c.anna, employments=[
        employment(c.home, None, title="Utan start"),
        employment(c.home, "2020-01-01", title="Äldre", position_code="201010"),
        employment(c.home, "2021-01-01", title="Senast", position_code="203090"),
        employment(c.home, "2022-01-01", "2022-12-31", title="Slut"),
    ])  # fmt: skip
    c.employ(c.bo, employments=[
        employment(c.home, "2020-01-01", title="Högre kod", position_code="203010"),
        employment(c.home, "2020-01-01", title="Lägst kod", position_code="201011"),
        employment(c.home, "2020-01-01", title="Fel kod", position_code="100000"),
    ])  # fmt: skip
    c.employ(c.cilla, employments=[employment(c.home, title="Först"), employment(c.home, title="Sedan")])
    for patient, doctor, title in ((p, c.anna, "Senast"), (q, c.bo, "Lägst kod"), (r, c.cilla, "Först")):
        c.list_at(patient)
        c.activate(doctor)
        c.hear(patient, "assigned", "linked_by_unit", c.link(patient, doctor), doctor=doctor, title=title)


@case("S5", "absent in every employment: no new links, but those that are stay")
def absent(c: Scenario) -> None:
    p, q = c.born(), c.born()
    c.linked(p)
    c.list_at(q)
    away = [{"start": day(-5), "end": day(0)}]
    c.employ(version=2, setup=False, employments=[employment(c.home, absences=away)])
    c.refuse("doctor_absent", "link-patient", patient_id=q, doctor_hsa_id=c.anna)
    both = [employment(c.home, absences=away), employment(c.home, "2020-01-01", title="Överläkare")]
    c.employ(version=3, setup=False, employments=both)
    c.hear(q, "assigned", "linked_by_unit", c.link(q), title="Överläkare")


@case("S5", "an absence with open ends, or one that is over or ahead")
def absence_dates(c: Scenario) -> None:
    p = c.born()
    c.open_unit()
    c.employ()
    c.list_at(p)
    c.activate()
    for version, away in enumerate(({"start": None, "end": None}, {"start": day(0), "end": None}), start=2):
        c.employ(version=version, setup=False, employments=[employment(c.home, absences=[away])])
        c.refuse("doctor_absent", "link-patient", patient_id=p, doctor_hsa_id=c.anna)
    spans = [{"start": None, "end": day(-1)}, {"start": day(1), "end": None}]
    c.employ(version=9, setup=False, employments=[employment(c.home, absences=spans)])
    c.hear(p, "assigned", "linked_by_unit", c.link(p))
