"""C7-C9, C12, C13, P1-P6: linking, unlinking and moving patients."""

from tests.harness.records import employment
from tests.scenarios.scenario import Scenario, case, day


@case("C7", "linked, again, redated, replaced")
def linking(c: Scenario) -> None:
    p = c.born()
    c.linked(p)
    c.employ(c.bo, setup=True)
    c.activate(c.bo)
    who = {"patient_id": p, "doctor_hsa_id": c.anna}
    c.accept("unchanged", "link-patient", **who)
    c.accept("unchanged", "link-patient", **who, start=day(0))
    c.hear(
        p, "redated", "linked_by_unit", c.accept("done", "link-patient", **who, start="2024-12-01"), start="2024-12-01"
    )
    c.accept("unchanged", "link-patient", **who)
    c.on(1)
    c.hear(p, "replaced", "linked_by_unit", c.link(p, c.bo), doctor=c.bo, start=day(1))
    c.refuse("no_such_link", "unlink-patient", patient_id=c.born())
    c.hear(p, "replaced", "linked_by_unit", c.link(p, start=day(0)), start=day(0))
    c.hear(p, "ended", "unlinked_by_unit", c.accept("done", "unlink-patient", patient_id=p))
    c.refuse("no_such_link", "unlink-patient", patient_id=p)


@case("C7", "the checks come in their order")
def order(c: Scenario) -> None:
    p, q, young = c.born(), c.born(), c.born("20200229")
    c.open_unit()
    away = [{"start": None, "end": None}]
    c.employ(c.anna, employments=[employment(c.home, absences=away)])
    c.employ(c.bo)
    c.list_at(p, setup=True)
    c.list_at(young, setup=True)
    who = {"patient_id": young, "doctor_hsa_id": c.anna}
    c.refuse("patient_not_listed", "link-patient", patient_id=q, doctor_hsa_id=c.anna)
    c.refuse("doctor_not_active", "link-patient", **who)
    c.activate(c.anna, age_min=18, patient_ceiling=0)
    c.command("pause-doctor", doctor_hsa_id=c.anna)
    c.refuse("doctor_paused", "link-patient", **who, override=["age", "ceiling"])
    c.command("resume-doctor", doctor_hsa_id=c.anna)
    c.refuse("doctor_absent", "link-patient", **who, override=["age", "ceiling"])
    c.employ(c.anna, version=2, setup=False)
    c.refuse("age_outside_limits", "link-patient", **who)
    c.refuse("age_outside_limits", "link-patient", **who, override=["ceiling"])
    c.refuse("ceiling_reached", "link-patient", **who, override=["age"])
    c.hear(young, "assigned", "linked_by_unit", c.link(young, override=["ceiling", "age"]))
    c.accept("unchanged", "link-patient", **who)


@case("C7", "age is in whole years reached today, both limits included")
def ages(c: Scenario) -> None:
    today, tomorrow, leap = c.born("20070526"), c.born("20070527"), c.born("20040229")
    nineteen = c.born("20060526")
    c.open_unit()
    c.employ()
    c.activate(age_min=18, age_max=18)
    for patient in (today, tomorrow, nineteen, leap):
        c.list_at(patient)
    c.hear(today, "assigned", "linked_by_unit", c.link(today))
    for patient in (tomorrow, nineteen, leap):
        c.refuse("age_outside_limits", "link-patient", patient_id=patient, doctor_hsa_id=c.anna)
    c.on(1)
    c.hear(tomorrow, "assigned", "linked_by_unit", c.link(tomorrow), start=day(1))


@case("C7", "the ceiling: reached at as many patients as it says; a freed place can be taken")
def ceiling(c: Scenario) -> None:
    p, q = c.born(), c.born()
    c.linked(p)
    c.list_at(q)
    c.accept("done", "update-doctor-profile", doctor_hsa_id=c.anna, profile={"patient_ceiling": 1})
    c.refuse("ceiling_reached", "link-patient", patient_id=q, doctor_hsa_id=c.anna)
    c.hear(p, "ended", "unlinked_by_unit", c.accept("done", "unlink-patient", patient_id=p))
    c.hear(q, "assigned", "linked_by_unit", c.link(q))


@case("C8", "a unit cannot end another unit's link")
def other_units_link(c: Scenario) -> None:
    p = c.born()
    c.linked(p)
    c.open_unit(c.other)
    c.refuse("no_such_link", "unlink-patient", unit=c.other, patient_id=p, reply={"unit_hsa_id": c.other})
    c.silent(p)


@case("C9", "all of a doctor's patients move, in one change each")
def move_all(c: Scenario) -> None:
    p, q = c.born(), c.born()
    c.linked(p, q)
    c.employ(c.bo, setup=True)
    both = {"from_doctor_hsa_id": c.anna, "to_doctor_hsa_id": c.bo}
    c.on(1)
    c.accept(
        "unchanged", "move-patients", from_doctor_hsa_id=c.bo, to_doctor_hsa_id=c.bo.lower(), reply={"counts": ...}
    )
    c.refuse("doctor_not_active", "move-patients", **both)
    c.activate(c.bo, patient_ceiling=1)
    c.refuse("ceiling_reached", "move-patients", **both)
    dry = c.command("move-patients", **both, override=["ceiling"], dry_run=True)
    c.answered(dry, "done", counts=(2, 2, 0, 2), dry_run=True)
    moved = c.accept("done", "move-patients", **both, override=["ceiling"], reply={"counts": (2, 2, 0, 2)})
    c.hear(p, "replaced", "moved", moved, doctor=c.bo, start=day(1))
    c.hear(q, "replaced", "moved", moved, doctor=c.bo, start=day(1))
    c.accept("unchanged", "move-patients", **both, reply={"counts": (0, 0, 0, 0)})
    c.command("pause-doctor", doctor_hsa_id=c.bo)
    c.refuse("doctor_paused", "move-patients", **both)


@case("C9", "each patient's first fault, rows counted from 1 in the order given; one fault and none move")
def move_faults(c: Scenario) -> None:
    p, young, stranger = c.born(), c.born("20150601"), c.born()
    c.linked(p, young)
    c.employ(c.bo, setup=True)
    c.activate(c.bo, age_min=18)
    both = {"from_doctor_hsa_id": c.anna, "to_doctor_hsa_id": c.bo}
    rows = ["x", p, stranger, p, "199006022398", young, "x"]
    faulty = [(1, "invalid_patient_id"), (3, "no_such_link"), (4, "duplicate_row"), (5, "invalid_patient_id"),
              (6, "age_outside_limits"), (7, "invalid_patient_id")]  # fmt: skip
    c.refuse("rows_faulty", "move-patients", **both, patient_ids=rows, reply={"counts": (7, 1, 6, 0), "rows": faulty})
    c.refuse(
        "rows_faulty", "move-patients", **both, reply={"counts": (2, 1, 1, 0), "rows": [(2, "age_outside_limits")]}
    )
    c.accept("unchanged", "move-patients", **both, patient_ids=[], reply={"counts": (0, 0, 0, 0)})
    moved = c.accept("done", "move-patients", **both, patient_ids=[young], override=["age"],
                     reply={"counts": (1, 1, 0, 1)})  # fmt: skip
    c.hear(young, "replaced", "moved", moved, doctor=c.bo)
    c.silent(p)


@case("C12", "a link's date may lie in the past, never in the future")
def dates(c: Scenario) -> None:
    p = c.born()
    c.open_unit()
    c.employ()
    c.list_at(p)
    c.activate()
    who = {"patient_id": p, "doctor_hsa_id": c.anna}
    c.refuse("date_in_future", "link-patient", **who, start=day(1))
    c.hear(
        p, "assigned", "linked_by_unit", c.accept("done", "link-patient", **who, start="1999-01-01"), start="1999-01-01"
    )
    c.refuse("date_in_future", "link-patient", **who, start=day(1))


@case("P2", "what a command caused carries its correlation id, or its own id")
def correlation(c: Scenario) -> None:
    p = c.born()
    c.linked(p)
    ended = c.command("unlink-patient", patient_id=p, correlationid="ärende-7")
    c.hear(p, "ended", "unlinked_by_unit", ended)
    c.hear(p, "assigned", "linked_by_unit", c.link(p))
