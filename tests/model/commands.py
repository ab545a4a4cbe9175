"""The ten commands but import and distribution: judged in the order of C3, each ends in one answer."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tests.model import ids
from tests.model.outputs import Outputs
from tests.model.state import EMPTY_PROFILE, Entry

ROLES = ("VC-chef", "Vårdvalsbehörig")
Data = dict[str, Any]


@dataclass
class Answer:
    """`done` and `unchanged` are accepted, any other code refused; `faulty` maps row number to code, in order."""

    code: str
    total: int | None = None
    updated: int = 0
    faulty: list[tuple[int, str]] = field(default_factory=list)
    unplaced: dict[str, int] | None = None
    not_placed: int = 0

    @property
    def accepted(self) -> bool:
        return self.code in ("done", "unchanged")

    def counts(self) -> Data | None:
        """The region's four figures (C11), when the answer has them."""
        if self.total is None or not (self.accepted or self.code == "rows_faulty"):
            return None
        bad = len(self.faulty) + self.not_placed
        four = {"total": self.total, "approved": self.total - bad, "faulty": bad, "updated": self.updated}
        return four | ({"unplaced": self.unplaced} if self.unplaced is not None else {})


def first_checks(state: Outputs, name: str, data: Data) -> str | None:
    """C3, what all commands share; None when all is well."""
    actor, given = data["actor"], data["unit_hsa_id"]
    own = means(state, actor["unit_hsa_id"]) == means(state, given)
    if actor["role"] not in ROLES or not own:
        return "not_authorised"
    if state.closed(means(state, given)):
        return "unit_closed"
    fields = ("unit_hsa_id", "doctor_hsa_id", "from_doctor_hsa_id", "to_doctor_hsa_id")
    named = [data[field] for field in fields if field in data] + (data.get("doctor_hsa_ids") or [])
    if any(ids.hsa_id(one) is None for one in named):
        return "invalid_hsa_id"
    if "patient_id" in data and ids.patient_kind(data["patient_id"]) != "personnummer":
        return "invalid_patient_id"
    return dates(state, name, data)


def dates(state: Outputs, name: str, data: Data) -> str | None:
    """`invalid_date`, `date_in_future`; a pause may lie ahead, never behind (C5, C12)."""
    given = [data[field] for field in ("start", "end") if data.get(field) is not None]
    if name not in ("link-patient", "pause-doctor"):
        return None
    if any(ids.day(one) is None for one in given):
        return "invalid_date"
    if name == "pause-doctor":
        start, end = pause_of(state, data)
        return "invalid_date" if end is not None and end < max(start, state.today) else None
    return "date_in_future" if given and date.fromisoformat(data["start"]) > state.today else None


def means(state: Outputs, unit: str) -> str:
    """A unit's id as given, read through replacements (S9); unreadable text stays what it is."""
    known = ids.hsa_id(unit)
    return state.means(known) if known else unit


def pause_of(state: Outputs, data: Data) -> tuple[date, date | None]:
    """A missing start is today, a missing end open."""
    start = date.fromisoformat(data["start"]) if data.get("start") is not None else state.today
    return start, date.fromisoformat(data["end"]) if data.get("end") is not None else None


def with_profile(state: Outputs, doctor: str, unit: str, given: Data) -> Data:
    """Only the fields given change; null is `not set`, `st_a` then false (C6)."""
    known = {name: value for name, value in given.items() if name in EMPTY_PROFILE}
    result = state.profile(doctor, unit) | known
    return result | {"st_a": bool(result["st_a"])}


def sound(profile: Data) -> bool:
    """C6."""
    if any(len(profile[name] or "") > 200 for name in ("role", "specialisation", "patient_group")):
        return False
    low, high = profile["age_min"], profile["age_max"]
    return low is None or high is None or low <= high


def activate(state: Outputs, data: Data) -> Answer:
    """C4."""
    unit, doctor = pair(state, data)
    if not state.selectable(doctor, unit):
        return Answer("doctor_not_selectable")
    profile = with_profile(state, doctor, unit, data.get("profile") or {})
    if not sound(profile):
        return Answer("invalid_profile")
    if state.active(doctor, unit) and profile == state.profile(doctor, unit):
        return Answer("unchanged")
    entry = state.roster.setdefault((unit, doctor), Entry())
    entry.active, entry.profile = True, profile
    return Answer("done")


def deactivate(state: Outputs, data: Data) -> Answer:
    """C4; becoming inactive clears a pause (S6)."""
    unit, doctor = pair(state, data)
    if not state.active(doctor, unit):
        return Answer("unchanged")
    patients = state.linked(doctor, unit)
    if patients and data.get("links", "refuse") != "end":
        return Answer("doctor_has_patients")
    state.roster[unit, doctor].active, state.roster[unit, doctor].pause = False, None
    for patient_id in patients:
        state.end_link(patient_id, "doctor_deactivated")
    return Answer("done")


def pause(state: Outputs, data: Data) -> Answer:
    """C5; the dates have been judged."""
    unit, doctor = pair(state, data)
    if not state.active(doctor, unit):
        return Answer("doctor_not_active")
    entry, new = state.roster[unit, doctor], pause_of(state, data)
    if entry.pause == new:
        return Answer("unchanged")
    entry.pause = new
    return Answer("done")


def resume(state: Outputs, data: Data) -> Answer:
    """C5: removes any pause, also a coming one."""
    unit, doctor = pair(state, data)
    if not state.active(doctor, unit):
        return Answer("doctor_not_active")
    entry = state.roster[unit, doctor]
    had, entry.pause = entry.pause, None
    return Answer("done" if had else "unchanged")


def update_profile(state: Outputs, data: Data) -> Answer:
    """C6."""
    unit, doctor = pair(state, data)
    if not state.active(doctor, unit):
        return Answer("doctor_not_active")
    profile = with_profile(state, doctor, unit, data["profile"])
    if not sound(profile):
        return Answer("invalid_profile")
    if profile == state.profile(doctor, unit):
        return Answer("unchanged")
    state.roster[unit, doctor].profile = profile
    return Answer("done")


def link(state: Outputs, data: Data) -> Answer:
    """C7, C12."""
    (unit, doctor), patient_id = pair(state, data), data["patient_id"]
    start = date.fromisoformat(data["start"]) if data.get("start") is not None else None
    if state.listed_at(patient_id) != unit:
        return Answer("patient_not_listed")
    link = state.patient(patient_id).link
    if link and link.doctor == doctor and start in (None, link.start):
        return Answer("unchanged")
    if not (link and link.doctor == doctor):
        fault = state.unavailable(doctor, unit) or unfit(state, data, patient_id, doctor, unit)
        if fault:
            return Answer(fault)
    state.link(patient_id, unit, doctor, start or state.today, "linked_by_unit")
    return Answer("done")


def unfit(state: Outputs, data: Data, patient_id: str, doctor: str, unit: str) -> str | None:
    """The two checks that can be overridden by name (C7)."""
    if "age" not in data.get("override", []) and not state.fits(patient_id, doctor, unit):
        return "age_outside_limits"
    room = state.room(doctor, unit)
    full = room is not None and room < 1
    return "ceiling_reached" if full and "ceiling" not in data.get("override", []) else None


def unlink(state: Outputs, data: Data) -> Answer:
    """C8."""
    link = state.patient(data["patient_id"]).link
    if link is None or link.unit != means(state, data["unit_hsa_id"]):
        return Answer("no_such_link")
    state.end_link(data["patient_id"], "unlinked_by_unit")
    return Answer("done")


def move(state: Outputs, data: Data) -> Answer:
    """C9: all or nothing."""
    unit = means(state, data["unit_hsa_id"])
    source, target = data["from_doctor_hsa_id"].upper(), data["to_doctor_hsa_id"].upper()
    if source == target:
        return Answer("unchanged", total=0)
    fault = state.unavailable(target, unit)
    if fault:
        return Answer(fault)
    named = data.get("patient_ids")
    patients = state.linked(source, unit) if named is None else named
    judged = [move_fault(state, data, patients, place, unit) for place in range(len(patients))]
    faulty = [(place + 1, code) for place, code in enumerate(judged) if code]
    if faulty:
        return Answer("rows_faulty", total=len(patients), faulty=faulty)
    if not patients:
        return Answer("unchanged", total=0)
    room = state.room(target, unit)
    if room is not None and room < len(patients) and "ceiling" not in data.get("override", []):
        return Answer("ceiling_reached")
    if not data.get("dry_run", False):
        for patient_id in patients:
            state.link(patient_id, unit, target, state.today, "moved")
    return Answer("done", total=len(patients), updated=len(patients))


def move_fault(state: Outputs, data: Data, patients: list[str], place: int, unit: str) -> str | None:
    """A patient's first fault."""
    patient_id = patients[place]
    if ids.patient_kind(patient_id) != "personnummer":
        return "invalid_patient_id"
    if patient_id in patients[:place]:
        return "duplicate_row"
    if patient_id not in state.linked(data["from_doctor_hsa_id"].upper(), unit):
        return "no_such_link"
    fits = "age" in data.get("override", []) or state.fits(patient_id, data["to_doctor_hsa_id"].upper(), unit)
    return None if fits else "age_outside_limits"


def pair(state: Outputs, data: Data) -> tuple[str, str]:
    """The unit and doctor a command is about; both ids have been judged."""
    return means(state, data["unit_hsa_id"]), data["doctor_hsa_id"].upper()
