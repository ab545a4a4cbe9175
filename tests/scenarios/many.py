"""C10, C11: distributions and imports."""

from tests.harness.records import Data
from tests.scenarios.scenario import Scenario, case, day

NO_DOCTOR, NOT_LISTED = "HSA-id saknas för läkare hos vårdcentral", "Personnummer matchar inte vårdcentral vårdval"


def row(c: Scenario, number: int, patient: str, doctor: str | None = None, **fields: str) -> Data:
    """One row of an import at home."""
    return {"row": number, "patient_id": patient, "unit_hsa_id": c.home, "doctor_hsa_id": doctor or c.anna} | fields


@case("C10", "a lone doctor gets all who fit, up to the ceiling, within the ages; the rest are counted by why")
def lone_doctor(c: Scenario) -> None:
    young, old = c.born("20200101"), c.born()
    c.linked(old)
    c.list_at(young)
    c.accept("done", "update-doctor-profile", doctor_hsa_id=c.anna, profile={"age_min": 18})
    c.accept("unchanged", "distribute-patients", seed=7, reply={
        "counts": (1, 0, 1, 0), "unplaced": {"no_free_place": 0, "age_outside_limits": 1}})  # fmt: skip
    c.accept("done", "update-doctor-profile", doctor_hsa_id=c.anna, profile={"age_min": None, "patient_ceiling": 1})
    c.accept("unchanged", "distribute-patients", seed=7, reply={
        "counts": (1, 0, 1, 0), "unplaced": {"no_free_place": 1, "age_outside_limits": 0}})  # fmt: skip
    c.accept("done", "update-doctor-profile", doctor_hsa_id=c.anna, profile={"patient_ceiling": 2})
    c.accept("unchanged", "distribute-patients", seed=7, limit=0, reply={"counts": (0, 0, 0, 0)})
    dry = c.command("distribute-patients", seed=7, dry_run=True)
    zero = {"no_free_place": 0, "age_outside_limits": 0}
    c.answered(dry, "done", counts=(1, 1, 0, 1), unplaced=zero, dry_run=True)
    done = c.accept("done", "distribute-patients", seed=7, reply={"counts": (1, 1, 0, 1), "unplaced": zero})
    c.hear(young, "assigned", "distributed", done)
    c.accept("unchanged", "distribute-patients", seed=7, reply={"counts": (0, 0, 0, 0), "unplaced": zero})
    c.silent(old)


@case("C10", "no doctor to give to, or a named one who takes nobody")
def no_doctor(c: Scenario) -> None:
    p = c.born()
    c.open_unit()
    c.employ(c.anna)
    c.employ(c.bo)
    c.list_at(p)
    c.refuse("doctor_not_active", "distribute-patients", seed=1)
    c.activate(c.anna)
    c.command("pause-doctor", doctor_hsa_id=c.anna)
    c.refuse("doctor_not_active", "distribute-patients", seed=1)
    c.refuse("doctor_paused", "distribute-patients", seed=1, doctor_hsa_ids=[c.anna, c.bo])
    c.refuse("doctor_not_active", "distribute-patients", seed=1, doctor_hsa_ids=[c.bo, c.anna])
    c.activate(c.bo)
    zero = {"no_free_place": 0, "age_outside_limits": 0}
    done = c.accept("done", "distribute-patients", seed=1, doctor_hsa_ids=[], limit=5, reply={"counts": (1, 1, 0, 1)})
    c.hear(p, "assigned", "distributed", done, doctor=c.bo)
    c.command("resume-doctor", doctor_hsa_id=c.anna)
    q = c.born()
    c.list_at(q)
    done = c.accept("done", "distribute-patients", seed=1, doctor_hsa_ids=[c.anna],
                    reply={"counts": (1, 1, 0, 1), "unplaced": zero})  # fmt: skip
    c.hear(q, "assigned", "distributed", done)


@case("C11", "an import: assigned, replaced, redated and unchanged rows; the date may be given")
def import_done(c: Scenario) -> None:
    p, q, r, s = (c.born() for _ in range(4))
    c.linked(p, q, r)
    c.employ(c.bo, setup=True)
    c.activate(c.bo)
    c.list_at(s)
    c.command("pause-doctor", doctor_hsa_id=c.anna)
    c.accept("done", "update-doctor-profile", doctor_hsa_id=c.anna, profile={"patient_ceiling": 0, "age_max": 1})
    rows = [row(c, 2, p), row(c, 3, q, start="2020-02-02"), row(c, 4, r, c.bo), row(c, 5, s, c.bo, start="2021-03-03")]
    fields: Data = {"import_id": "ett", "part": 1, "parts": 1, "rows": rows}
    dry = c.command("import-links", **fields, dry_run=True)
    c.answered(dry, "done", counts=(4, 4, 0, 3), dry_run=True)
    done = c.accept("done", "import-links", **fields, reply={"counts": (4, 4, 0, 3)})
    c.silent(p)
    c.hear(q, "redated", "imported", done, start="2020-02-02")
    c.hear(r, "replaced", "imported", done, doctor=c.bo)
    c.hear(s, "assigned", "imported", done, doctor=c.bo, start="2021-03-03")
    c.accept("unchanged", "import-links", **fields | {"import_id": "två"}, reply={"counts": (4, 4, 0, 0)})
    c.command("import-links", "repeated", **fields)
    c.replies[done.id].append({"command_id": done.id, "code": "done", "counts": c.replies[done.id][0]["counts"]})


@case("C11", "every row by its first fault, in the order of the rule; one faulty row and nothing is applied")
def import_faults(c: Scenario) -> None:
    p, q, young, away = c.born(), c.born(), c.born("20210101"), c.born()
    c.linked(q)
    c.employ(c.bo, setup=True)
    c.list_at(p)
    c.list_at(young)
    c.activate(c.bo, age_min=18)
    c.command("pause-doctor", doctor_hsa_id=c.bo)
    c.accept("done", "update-doctor-profile", doctor_hsa_id=c.anna, profile={"age_min": 18})
    bad = {"unit_hsa_id": "SE1", "start": "2025-02-30"}
    rows = [
        row(c, 11, "199006022398", **bad), row(c, 12, p, **bad), row(c, 13, p, "anna"),
        row(c, 14, p, start="2025-02-30"), row(c, 15, p, start=day(1)), row(c, 16, p, unit_hsa_id=c.other),
        row(c, 17, p, c.cilla), row(c, 18, away), row(c, 19, q, c.cilla), row(c, 20, young, c.bo),
        row(c, 21, young), row(c, 22, q), row(c, 23, q, c.bo, start=day(2)),
    ]  # fmt: skip
    faulty = [
        (11, "invalid_patient_id"), (12, "invalid_hsa_id"), (13, "invalid_hsa_id"), (14, "invalid_date"),
        (15, "date_in_future"), (16, "unit_mismatch"), (17, "duplicate_row"), (18, "patient_not_listed", NOT_LISTED),
        (19, "doctor_not_active", NO_DOCTOR), (20, "doctor_paused"), (21, "duplicate_row"), (22, "duplicate_row"),
        (23, "date_in_future"),
    ]  # fmt: skip
    fields: Data = {"import_id": "fel", "part": 1, "parts": 1}
    c.refuse("rows_faulty", "import-links", **fields, rows=rows, reply={"counts": (13, 0, 13, 0), "rows": faulty})
    more = [row(c, 1, young), row(c, 2, p)]
    c.refuse("rows_faulty", "import-links", **fields | {"import_id": "ålder"}, rows=more,
             reply={"counts": (2, 1, 1, 0), "rows": [(1, "age_outside_limits")]})  # fmt: skip
    done = c.accept("done", "import-links", **fields | {"import_id": "bra"}, rows=more, override=["age"],
                    reply={"counts": (2, 2, 0, 2)})  # fmt: skip
    c.hear(young, "assigned", "imported", done)
    c.hear(p, "assigned", "imported", done)
    c.silent(q)


@case("C11", "the ceiling counts for the file as a whole: the last of the doctor's new rows are the faulty ones")
def import_ceiling(c: Scenario) -> None:
    p, q, r, s = (c.born() for _ in range(4))
    c.linked(p)
    c.employ(c.bo, setup=True)
    for patient in (q, r, s):
        c.list_at(patient)
    c.activate(c.bo)
    c.accept("done", "update-doctor-profile", doctor_hsa_id=c.anna, profile={"patient_ceiling": 2})
    fields: Data = {"import_id": "tak", "part": 1, "parts": 1}
    rows = [row(c, 1, q), row(c, 2, r), row(c, 3, p), row(c, 4, s)]
    c.refuse("rows_faulty", "import-links", **fields, rows=rows, reply={
        "counts": (4, 2, 2, 0), "rows": [(2, "ceiling_reached"), (4, "ceiling_reached")]})  # fmt: skip
    swapped = [row(c, 1, q), row(c, 2, r), row(c, 3, p, c.bo)]
    done = c.accept(
        "done", "import-links", **fields | {"import_id": "byt"}, rows=swapped, reply={"counts": (3, 3, 0, 3)}
    )
    c.hear(q, "assigned", "imported", done)
    c.hear(r, "assigned", "imported", done)
    c.hear(p, "replaced", "imported", done, doctor=c.bo)
    done = c.accept("done", "import-links", **fields | {"import_id": "ändå"}, rows=[row(c, 9, s)], override=["ceiling"],
                    reply={"counts": (1, 1, 0, 1)})  # fmt: skip
    c.hear(s, "assigned", "imported", done)


@case("C11", "parts in any order, one replaced while it waits; one answer, with the id of the part that completed it")
def import_parts(c: Scenario) -> None:
    p, q, wrong = c.born(), c.born(), c.born()
    c.linked(wrong)
    c.list_at(p)
    c.list_at(q)
    fields: Data = {"import_id": "delar", "parts": 2}
    c.command("import-links", "waiting", **fields, part=2, rows=[row(c, 20, "fel")])
    c.command("import-links", "waiting", **fields, part=2, rows=[row(c, 2, q)])
    c.refuse("not_authorised", "import-links", **fields, part=1, rows=[], actor={"role": "?"})
    done = c.accept("done", "import-links", **fields, part=1, rows=[row(c, 1, p)], reply={"counts": (2, 2, 0, 2)})
    c.hear(p, "assigned", "imported", done)
    c.hear(q, "assigned", "imported", done)
    c.silent(wrong)
    c.command("import-links", "repeated", **fields, part=2, rows=[row(c, 2, q)])
    c.replies[done.id].append({"command_id": done.id, "code": "done"})


@case("C11", "still incomplete on the second day after its first part: refused when that day begins")
def import_incomplete(c: Scenario) -> None:
    c.linked(c.born())
    fields: Data = {"import_id": "halv", "parts": 3, "rows": []}
    first = c.command("import-links", "waiting", **fields, part=3)
    c.on(1)
    c.command("import-links", "waiting", **fields, part=1)
    c.on(2)
    c.answered(first, "import_incomplete")
