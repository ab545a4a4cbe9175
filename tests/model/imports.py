"""`import-links`: parts wait for each other, all rows are judged, one faulty row and nothing is applied (C11)."""

from dataclasses import dataclass, field
from datetime import date, timedelta

from tests.model import ids
from tests.model.commands import Answer, Data, means
from tests.model.decode import Message
from tests.model.outputs import Outputs


@dataclass
class Waiting:
    """Runtime that have arrived, and the message that came first."""

    first: Message
    since: date
    parts: int = 0
    rows: dict[int, list[Data]] = field(default_factory=dict)

    def complete(self) -> bool:
        return all(part in self.rows for part in range(1, self.parts + 1))

    def all_rows(self) -> list[Data]:
        return [row for part in range(1, self.parts + 1) for row in self.rows[part]]

    def late(self, today: date) -> bool:
        """On the second day after the first part."""
        return today >= self.since + timedelta(days=2)


def judge(state: Outputs, data: Data, rows: list[Data]) -> Answer:
    """Every row by its first fault, then the ceilings for the file as a whole, then all or nothing."""
    unit = means(state, data["unit_hsa_id"])
    faults = [row_fault(state, data, rows, place, unit) for place in range(len(rows))]
    if "ceiling" not in data.get("override", []):
        ceilings(state, rows, faults, unit)
    faulty = [(row["row"], code) for row, code in zip(rows, faults, strict=True) if code]
    if faulty:
        return Answer("rows_faulty", total=len(rows), faulty=faulty)
    moved = [row for row in rows if changes(state, row)]
    if not data.get("dry_run", False):
        for row in moved:
            start = date.fromisoformat(row["start"]) if row.get("start") is not None else state.today
            state.link(row["patient_id"], unit, row["doctor_hsa_id"].upper(), start, "imported")
    return Answer("done" if moved else "unchanged", total=len(rows), updated=len(moved))


def row_fault(state: Outputs, data: Data, rows: list[Data], place: int, unit: str) -> str | None:
    """A row's first fault but the ceiling, in the order of C11."""
    row = rows[place]
    patient_id, doctor, start = row["patient_id"], row["doctor_hsa_id"].upper(), row.get("start")
    if ids.patient_kind(patient_id) != "personnummer":
        return "invalid_patient_id"
    if ids.hsa_id(row["unit_hsa_id"]) is None or ids.hsa_id(doctor) is None:
        return "invalid_hsa_id"
    if start is not None and ids.day(start) is None:
        return "invalid_date"
    if start is not None and date.fromisoformat(start) > state.today:
        return "date_in_future"
    if means(state, row["unit_hsa_id"]) != unit:
        return "unit_mismatch"
    if any(earlier["patient_id"] == patient_id for earlier in rows[:place]):
        return "duplicate_row"
    if state.listed_at(patient_id) != unit:
        return "patient_not_listed"
    if already(state, row):
        return None
    fits = "age" in data.get("override", []) or state.fits(patient_id, doctor, unit)
    return state.unavailable(doctor, unit) or (None if fits else "age_outside_limits")


def already(state: Outputs, row: Data) -> bool:
    """The patient has that doctor; only the date can change."""
    link = state.patient(row["patient_id"]).link
    return link is not None and link.doctor == row["doctor_hsa_id"].upper()


def changes(state: Outputs, row: Data) -> bool:
    """Whether a faultless row changes anything."""
    link = state.patient(row["patient_id"]).link
    if link is None or not already(state, row):
        return True
    return row.get("start") is not None and date.fromisoformat(row["start"]) != link.start


def ceilings(state: Outputs, rows: list[Data], faults: list[str | None], unit: str) -> None:
    """Marks the last of a doctor's new rows, as many as are above the ceiling after all rows (C11)."""
    good = [place for place, fault in enumerate(faults) if fault is None and not already(state, rows[place])]
    for doctor in {rows[place]["doctor_hsa_id"].upper() for place in good}:
        new = [place for place in good if rows[place]["doctor_hsa_id"].upper() == doctor]
        leaving = [place for place in good if leaves(state, rows[place], doctor)]
        room = state.room(doctor, unit)
        above = 0 if room is None else len(new) - len(leaving) - room
        for place in new[len(new) - min(len(new), max(above, 0)) :]:
            faults[place] = "ceiling_reached"


def leaves(state: Outputs, row: Data, doctor: str) -> bool:
    """Whether the row takes its patient from this doctor."""
    link = state.patient(row["patient_id"]).link
    return link is not None and link.doctor == doctor and row["doctor_hsa_id"].upper() != doctor
