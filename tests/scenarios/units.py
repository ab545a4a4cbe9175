"""S9: units renamed, closed and replaced."""

from tests.harness.records import UNIT, choice, employment
from tests.scenarios.scenario import Scenario, case, day, day_turn


@case("S9", "renamed: one change per linked patient; versions as for persons")
def renamed(c: Scenario) -> None:
    p, q = c.born(), c.born()
    c.linked(p, q)
    c.unit_names[c.home] = "Nya Hemmet"
    sent = c.open_unit(version=2, setup=False)
    c.hear(p, "renamed", "unit_renamed", sent, unit_name="Nya Hemmet")
    c.hear(q, "renamed", "unit_renamed", sent, unit_name="Nya Hemmet")
    c.send(lambda to: to.unit(c.home, 1, name="Gamla"), "stale")
    c.send(
        lambda to: to.unit(c.home, 2, name="Nya Hemmet", care_giver_hsa_id="SE2321000131-E000000000001"), "unchanged"
    )


@case("S9", "closed by its end: links end that day, its doctors become inactive")
def closed_by_end(c: Scenario) -> None:
    p = c.born()
    c.linked(p)
    c.open_unit(version=2, setup=False, end=day(0))
    c.on(1)
    c.hear(p, "ended", "unit_closed", day_turn(1), end=day(0))
    c.refuse("unit_closed", "link-patient", patient_id=p, doctor_hsa_id=c.anna)
    c.open_unit(version=3, setup=False)
    c.refuse("doctor_not_active", "link-patient", patient_id=p, doctor_hsa_id=c.anna)


@case("S9", "closed by removal: the name is known no longer, the end is today")
def closed_by_removal(c: Scenario) -> None:
    p = c.born()
    c.linked(p)
    sent = c.send(lambda to: to.unit_removed(c.home, 2), "applied")
    c.hear(p, "ended", "unit_closed", sent, unit_name=None, care_giver=None)
    c.refuse("unit_closed", "activate-doctor", doctor_hsa_id=c.anna)


@case("S9", "closed because it is no vårdcentral any longer, or was never one")
def closed_by_kind(c: Scenario) -> None:
    p = c.born()
    c.linked(p)
    sent = c.open_unit(version=2, setup=False, kind="jourcentral")
    c.hear(p, "ended", "unit_closed", sent)
    c.doctors[f"{c.home}/{c.anna}"] = {
        "unit_hsa_id": c.home,
        "doctor": {"hsa_id": c.anna, "vgr_id": None, "name": "Anna Berg", "title": "Distriktsläkare"},
        "employment": {"start": None, "end": None},
        "selectable": True, "active": False, "available": False,
        "unavailable_because": ["not_active", "unit_closed"],
        "profile": {"work_percent": None, "role": None, "specialisation": None, "st_a": False,
                    "patient_group": None, "patient_ceiling": None, "age_min": None, "age_max": None},
        "listed_patients": 0, "free_places": None, "care_burden": 0.0,
    }  # fmt: skip
    c.open_unit(c.other, setup=False, kind="other")
    c.refuse("unit_closed", "activate-doctor", unit=c.other, doctor_hsa_id=c.anna, reply={"unit_hsa_id": c.other})


@case("S9", "replaced: the links move, same start; the old id means the new unit in listings, employments, commands")
def replaced(c: Scenario) -> None:
    p, q = c.born(), c.born()
    c.linked(p)
    c.accept("done", "update-doctor-profile", doctor_hsa_id=c.anna, profile={"patient_ceiling": 2})
    c.open_unit(c.other)
    c.on(1)
    sent = c.open_unit(version=2, setup=False, replaced_by=c.other)
    c.hear(p, "rekeyed", "unit_replaced", sent, unit=c.other)
    c.list_at(q)
    c.hear(q, "assigned", "linked_by_unit", c.accept("done", "link-patient", patient_id=q, doctor_hsa_id=c.anna),
           unit=c.other, start=day(1))  # fmt: skip
    r = c.born()
    c.list_at(r, c.other)
    c.refuse("ceiling_reached", "link-patient", unit=c.other, patient_id=r, doctor_hsa_id=c.anna,
             reply={"unit_hsa_id": c.other})  # fmt: skip
    c.send(lambda to: to.unit_removed(c.home, 3), "applied")
    ended = c.accept("done", "unlink-patient", patient_id=q, actor={"unit_hsa_id": c.other})
    c.hear(q, "ended", "unlinked_by_unit", ended, unit=c.other, start=day(1))
    c.doctors[f"{c.home}/{c.anna}"] = None


@case("S9", "a replacement with an end takes effect the day after it; nothing ends because of it")
def replaced_later(c: Scenario) -> None:
    p = c.born()
    c.linked(p)
    c.open_unit(c.other)
    c.open_unit(version=2, setup=False, replaced_by=c.other, end=day(1))
    c.on(1)
    c.accept("unchanged", "activate-doctor", doctor_hsa_id=c.anna)
    c.on(2)
    c.hear(p, "rekeyed", "unit_replaced", day_turn(2), unit=c.other)
    c.accept("unchanged", "link-patient", unit=c.other, patient_id=p, doctor_hsa_id=c.anna,
             reply={"unit_hsa_id": c.other})  # fmt: skip


@case("S9", "the new unit's own roster entry stands, and is active when either was")
def roster_entries_meet(c: Scenario) -> None:
    c.open_unit()
    c.open_unit(c.other)
    c.employ(c.anna, c.home, c.other)
    c.employ(c.bo, c.home, c.other)
    c.activate(c.anna, c.home, role="gammal")
    c.activate(c.anna, c.other, role="ny")
    c.command("deactivate-doctor", unit=c.other, doctor_hsa_id=c.anna)
    c.activate(c.bo, c.home, role="flyttar")
    c.command("pause-doctor", doctor_hsa_id=c.bo, end=day(0))
    c.open_unit(version=2, setup=False, replaced_by=c.other)
    p, q = c.born(), c.born()
    c.list_at(p)
    c.list_at(q)
    c.hear(p, "assigned", "linked_by_unit", c.link(p, c.anna), unit=c.other)
    c.refuse("doctor_paused", "link-patient", patient_id=q, doctor_hsa_id=c.bo)
    c.accept("unchanged", "update-doctor-profile", doctor_hsa_id=c.anna, profile={"role": "ny"})
    c.accept("unchanged", "update-doctor-profile", doctor_hsa_id=c.bo, profile={"role": "flyttar"})


@case("S9", "chains are followed, a cycle leaves each unit as it is")
def chains_and_cycles(c: Scenario) -> None:
    p, q = c.born(), c.born()
    c.linked(p)
    c.open_unit(c.third)
    c.open_unit(c.other, setup=False, version=1, replaced_by=c.third)
    c.hear(p, "rekeyed", "unit_replaced", c.open_unit(version=2, setup=False, replaced_by=c.other), unit=c.third)
    c.list_at(q, c.other)
    linked = c.link(q, unit=c.home)
    c.hear(q, "assigned", "linked_by_unit", linked, unit=c.third)
    c.hear(q, "ended", "unlinked_by_unit", c.accept("done", "unlink-patient", patient_id=q), unit=c.third)


@case("S9", "two units that replace each other stay themselves")
def cycle(c: Scenario) -> None:
    p = c.born()
    c.open_unit(c.home, setup=False, replaced_by=c.other)
    c.open_unit(c.other, setup=False, replaced_by=c.home)
    c.employ(setup=False)
    c.list_at(p)
    c.activate()
    c.hear(p, "assigned", "linked_by_unit", c.link(p))


@case("S9", "when the fact no longer says so, the old id is itself again")
def replacement_taken_back(c: Scenario) -> None:
    p = c.born()
    c.linked(p)
    c.open_unit(c.other)
    c.hear(p, "rekeyed", "unit_replaced", c.open_unit(version=2, setup=False, replaced_by=c.other), unit=c.other)
    c.on(1)
    c.hear(p, "ended", "relisted", c.open_unit(version=3, setup=False), unit=c.other, end=day(0))


@case("S9", "a unit's start decides nothing, and a replacement ahead closes nothing")
def start_decides_nothing(c: Scenario) -> None:
    p = c.born()
    c.linked(p)
    c.open_unit(version=2, setup=False, start="2099-01-01", end="2099-12-31", replaced_by=c.other)
    c.accept("unchanged", "link-patient", patient_id=p, doctor_hsa_id=c.anna)
    c.silent(p)


@case("S9", "an import that waits moves with its unit")
def waiting_import_moves(c: Scenario) -> None:
    p = c.born()
    c.linked(c.born())
    c.list_at(p)
    c.open_unit(c.other)
    row = {"row": 1, "patient_id": p, "unit_hsa_id": c.home, "doctor_hsa_id": c.anna}
    c.command("import-links", "waiting", import_id="flytt", part=1, parts=2, rows=[row])
    moved = c.open_unit(version=2, setup=False, replaced_by=c.other)
    c.hear(next(iter(c.expected_changes)), "rekeyed", "unit_replaced", moved, unit=c.other)
    done = c.command("import-links", unit=c.other, import_id="flytt", part=2, parts=2, rows=[])
    c.answered(done, "done", counts=(1, 1, 0, 1), unit_hsa_id=c.other)
    c.hear(p, "assigned", "imported", done, unit=c.other)


@case("S11", "a unit's tombstone closes it; its replacement goes on")
def unit_tombstone(c: Scenario) -> None:
    p = c.born()
    c.linked(p)
    removed = c.send(lambda to: to.tombstone(UNIT, c.home), "applied")
    c.hear(p, "ended", "unit_closed", removed, unit_name=None, care_giver=None)
    c.send(lambda to: to.tombstone(UNIT, c.other), "unchanged")
    c.send(lambda to: to.unit(c.home, 1, name="Hemmet"), "stale")
    c.refuse("unit_closed", "activate-doctor", doctor_hsa_id=c.anna)
    c.open_unit(version=2, setup=False)
    c.accept("done", "activate-doctor", doctor_hsa_id=c.anna)


@case("S9", "an employment at the replaced unit's old id is one at the new")
def employment_under_old_id(c: Scenario) -> None:
    p = c.born()
    c.open_unit(replaced_by=c.other)
    c.open_unit(c.other)
    c.employ(employments=[employment(c.home, title="Kvar")])
    c.list_at(p, current=choice(c.other, "2025-01-01"))
    c.activate(unit=c.other)
    c.hear(p, "assigned", "linked_by_unit", c.link(p, unit=c.other), unit=c.other, title="Kvar")
