"""C1-C6: who may command, in which order commands are judged, and what they do with doctors."""

from tests.harness.records import Data, employment
from tests.scenarios.scenario import Scenario, case, day

BAD = "SE2321000131"


@case("C1", "only the two roles, and only for their own unit")
def who_may_command(c: Scenario) -> None:
    c.open_unit()
    c.employ()
    c.refuse("not_authorised", "activate-doctor", doctor_hsa_id=c.anna, actor={"role": "Läkare"})
    c.refuse("not_authorised", "activate-doctor", doctor_hsa_id=c.anna, actor={"role": "vc-chef"})
    c.refuse("not_authorised", "activate-doctor", doctor_hsa_id=c.anna, actor={"unit_hsa_id": c.other})
    c.refuse("not_authorised", "activate-doctor", doctor_hsa_id=c.anna, actor={"unit_hsa_id": "nowhere"})
    c.accept("done", "activate-doctor", doctor_hsa_id=c.anna, actor={"role": "Vårdvalsbehörig"})
    c.accept("unchanged", "activate-doctor", doctor_hsa_id=c.anna.lower(), actor={"unit_hsa_id": c.home.lower()})


@case("C2", "the same command again gets the same reply and has no second effect")
def same_command_again(c: Scenario) -> None:
    p = c.born()
    c.linked(p)
    again = {"patient_id": p, "id": "the-same"}
    first = c.command("unlink-patient", **again)
    c.hear(p, "ended", "unlinked_by_unit", first)
    c.hear(p, "assigned", "linked_by_unit", c.link(p))
    c.command("unlink-patient", "repeated", **again)
    c.command("unlink-patient", "repeated", id="the-same", patient_id="other content")
    for _ in range(3):
        c.replies.setdefault("the-same", []).append({"command_id": "the-same", "code": "done"})
    c.accept("unchanged", "link-patient", patient_id=p, doctor_hsa_id=c.anna)
    c.hear(p, "ended", "unlinked_by_unit", c.command("unlink-patient", patient_id=p, id="the-same", source="another"))


@case("C2", "a refused command again is refused again, even when it would now succeed")
def refused_again(c: Scenario) -> None:
    c.open_unit()
    c.command("activate-doctor", "refused", doctor_hsa_id=c.anna, id="early")
    c.employ(setup=False)
    c.command("activate-doctor", "repeated", doctor_hsa_id=c.anna, id="early")
    for _ in range(2):
        c.replies.setdefault("early", []).append({"command_id": "early", "code": "doctor_not_selectable"})
    c.refuse("doctor_not_active", "resume-doctor", doctor_hsa_id=c.anna)


@case("C3", "the first check that fails answers")
def order_of_checks(c: Scenario) -> None:
    c.open_unit(end="2025-01-31")
    c.open_unit(c.other)
    everything = {"patient_id": "x", "doctor_hsa_id": BAD, "start": "2025-13-01"}
    here = {"unit": c.other, "reply": {"unit_hsa_id": c.other}}
    c.refuse("not_authorised", "link-patient", actor={"role": ""}, **everything)
    c.refuse("unit_closed", "link-patient", **everything)
    c.refuse("invalid_hsa_id", "link-patient", **here, **everything)
    c.refuse("invalid_patient_id", "link-patient", **here, **everything | {"doctor_hsa_id": c.anna})
    sound = {"doctor_hsa_id": c.anna, "patient_id": c.born()}
    c.refuse("invalid_date", "link-patient", **here, **sound, start="2025-13-01")
    c.refuse("invalid_date", "link-patient", **here, **sound, start="20250101")
    c.refuse("date_in_future", "link-patient", **here, **sound, start=day(1))
    c.refuse("patient_not_listed", "link-patient", **here, **sound, start=day(0))
    c.refuse("invalid_hsa_id", "move-patients", **here, from_doctor_hsa_id=c.anna, to_doctor_hsa_id=BAD)
    c.refuse("invalid_hsa_id", "distribute-patients", **here, seed=1, doctor_hsa_ids=[c.anna, BAD])
    c.refuse("invalid_date", "pause-doctor", **here, doctor_hsa_id=c.anna, start="tomorrow")


@case("C4", "activate: selectable, sound profile, unchanged when nothing is new")
def activate(c: Scenario) -> None:
    c.open_unit()
    c.employ(c.anna)
    c.refuse("doctor_not_selectable", "activate-doctor", doctor_hsa_id=c.bo, profile={"age_min": 9, "age_max": 3})
    c.refuse("invalid_profile", "activate-doctor", doctor_hsa_id=c.anna, profile={"age_min": 9, "age_max": 3})
    c.refuse("doctor_not_active", "resume-doctor", doctor_hsa_id=c.anna)
    c.accept("done", "activate-doctor", doctor_hsa_id=c.anna, profile={"age_min": 3, "age_max": 9})
    c.accept("unchanged", "activate-doctor", doctor_hsa_id=c.anna)
    c.accept("unchanged", "activate-doctor", doctor_hsa_id=c.anna, profile={"age_min": 3, "role": None})
    c.refuse("invalid_profile", "activate-doctor", doctor_hsa_id=c.anna, profile={"age_min": 10})
    c.accept("done", "activate-doctor", doctor_hsa_id=c.anna, profile={"age_min": 9, "st_a": True})


@case("C4", "deactivate: not with patients, unless their links are to end")
def deactivate(c: Scenario) -> None:
    p, q = c.born(), c.born()
    c.linked(p, q)
    c.refuse("doctor_has_patients", "deactivate-doctor", doctor_hsa_id=c.anna)
    c.refuse("doctor_has_patients", "deactivate-doctor", doctor_hsa_id=c.anna, links="refuse")
    c.on(1)
    ended = c.accept("done", "deactivate-doctor", doctor_hsa_id=c.anna, links="end")
    c.hear(p, "ended", "doctor_deactivated", ended)
    c.hear(q, "ended", "doctor_deactivated", ended)
    c.accept("unchanged", "deactivate-doctor", doctor_hsa_id=c.anna)
    c.accept("unchanged", "deactivate-doctor", doctor_hsa_id=c.bo)


@case("C5", "a pause: no new links, the old stay; replaced, removed, over")
def pauses(c: Scenario) -> None:
    p, q = c.born(), c.born()
    c.linked(p)
    c.list_at(q)
    who = {"doctor_hsa_id": c.anna}
    c.refuse("doctor_not_active", "pause-doctor", doctor_hsa_id=c.bo)
    c.refuse("doctor_not_active", "resume-doctor", doctor_hsa_id=c.bo)
    c.refuse("invalid_date", "pause-doctor", **who, start=day(2), end=day(1))
    c.refuse("invalid_date", "pause-doctor", **who, start=day(-9), end=day(-1))
    c.refuse("invalid_date", "pause-doctor", **who, end=day(-1))
    c.accept("unchanged", "resume-doctor", **who)
    c.accept("done", "pause-doctor", **who)
    c.refuse("doctor_paused", "link-patient", patient_id=q, **who)
    c.accept("unchanged", "pause-doctor", **who, start=day(0))
    c.accept("done", "pause-doctor", **who, start=day(1), end=day(1))
    c.hear(q, "assigned", "linked_by_unit", c.link(q))
    c.on(1)
    c.hear(q, "ended", "unlinked_by_unit", c.accept("done", "unlink-patient", patient_id=q))
    c.refuse("doctor_paused", "link-patient", patient_id=q, **who)
    c.on(2)
    c.accept("unchanged", "resume-doctor", **who)
    c.accept("done", "pause-doctor", **who, start=day(9))
    c.accept("done", "resume-doctor", **who)
    c.hear(q, "assigned", "linked_by_unit", c.link(q), start=day(2))


@case("C5", "becoming inactive clears a pause (S6)")
def inactive_clears_pause(c: Scenario) -> None:
    c.open_unit()
    c.employ()
    c.activate()
    c.accept("done", "pause-doctor", doctor_hsa_id=c.anna)
    c.accept("done", "deactivate-doctor", doctor_hsa_id=c.anna)
    c.activate()
    c.accept("unchanged", "resume-doctor", doctor_hsa_id=c.anna)


@case("C6", "only the fields given change; null is not set; a lower ceiling removes nobody")
def profiles(c: Scenario) -> None:
    p, q = c.born(), c.born()
    c.linked(p, q)
    who = {"doctor_hsa_id": c.anna}
    profile = {"work_percent": 50, "role": "chef", "specialisation": "allmän", "st_a": True, "patient_group": "alla",
             "patient_ceiling": 1, "age_min": 0, "age_max": 18}  # fmt: skip
    c.refuse("doctor_not_active", "update-doctor-profile", doctor_hsa_id=c.bo, profile=profile)
    c.accept("done", "update-doctor-profile", **who, profile=profile)
    c.accept("unchanged", "update-doctor-profile", **who, profile=profile)
    c.accept("unchanged", "update-doctor-profile", **who, profile={})
    c.refuse("invalid_profile", "update-doctor-profile", **who, profile={"age_min": 19})
    c.accept("done", "update-doctor-profile", **who, profile={"age_min": 18, "role": None, "st_a": None})
    c.list_at(p, sequence=2, care_burden=1.25)
    c.list_at(q, sequence=2, care_burden=2)
    c.silent(p, q)
    c.doctors[f"{c.home}/{c.anna}"] = {
        "unit_hsa_id": c.home,
        "doctor": {"hsa_id": c.anna, "vgr_id": None, "name": "Anna Berg", "title": "Distriktsläkare"},
        "employment": {"start": None, "end": None},
        "selectable": True, "active": True, "available": False, "unavailable_because": ["ceiling_reached"],
        "profile": {"work_percent": 50, "role": None, "specialisation": "allmän", "st_a": False,
                    "patient_group": "alla", "patient_ceiling": 1, "age_min": 18, "age_max": 18},
        "listed_patients": 2, "free_places": 0, "care_burden": 3.25,
    }  # fmt: skip


@case("C2", "what cannot be read at all is dead-lettered, a bad id or date is an answer")
def unreadable(c: Scenario) -> None:
    faults: list[tuple[str, Data]] = [
        ("link-patient", {"patient_id": c.born()}),
        ("link-patient", {"patient_id": 199006022397, "doctor_hsa_id": c.anna}),
        ("link-patient", {"patient_id": c.born(), "doctor_hsa_id": c.anna, "override": ["all"]}),
        ("activate-doctor", {"doctor_hsa_id": c.anna, "profile": {"work_percent": 101}}),
        ("activate-doctor", {"doctor_hsa_id": c.anna, "profile": {"patient_ceiling": -1}}),
        ("activate-doctor", {"doctor_hsa_id": c.anna, "profile": {"age_max": "18"}}),
        ("update-doctor-profile", {"doctor_hsa_id": c.anna}),
        ("deactivate-doctor", {"doctor_hsa_id": c.anna, "links": "keep"}),
        ("distribute-patients", {}),
        ("distribute-patients", {"seed": 1, "limit": -1}),
        ("import-links", {"import_id": "1", "part": 3, "parts": 2, "rows": []}),
        ("import-links", {"import_id": "1", "part": 0, "parts": 2, "rows": []}),
        ("unlink-patient", {"patient_id": c.born(), "actor": {"role": None}}),
    ]
    for name, fields in faults:
        dead = c.command(name, "dead", **fields)
        c.dead.append((dead.record, "invalid_data"))


@case("C4", "never activated but selectable: published as not active; not selectable: not at all")
def published(c: Scenario) -> None:
    c.open_unit()
    c.employ(c.anna, employments=[employment(c.home, "2020-01-01", "2030-12-31", title=None)], vgr_id="annbe1")
    c.employ(c.bo, licences=[])
    c.doctors[f"{c.home}/{c.bo}"] = None
    c.doctors[f"{c.home}/{c.anna}"] = {
        "unit_hsa_id": c.home,
        "doctor": {"hsa_id": c.anna, "vgr_id": "annbe1", "name": "Anna Berg", "title": None},
        "employment": {"start": "2020-01-01", "end": "2030-12-31"},
        "selectable": True, "active": False, "available": False, "unavailable_because": ["not_active"],
        "profile": {"work_percent": None, "role": None, "specialisation": None, "st_a": False,
                    "patient_group": None, "patient_ceiling": None, "age_min": None, "age_max": None},
        "listed_patients": 0, "free_places": None, "care_burden": 0.0,
    }  # fmt: skip
