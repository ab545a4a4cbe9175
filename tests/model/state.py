"""What is held, and the questions the rules ask of it: who is listed where, selectable, closed, replaced."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from tests.model import ids

NEVER = datetime.min.replace(tzinfo=UTC)
ELIGIBLE = frozenset({"201010", "201011", "202010", "203010", "203090"})
EMPTY_PROFILE: dict[str, Any] = {
    "work_percent": None, "role": None, "specialisation": None, "st_a": False,
    "patient_group": None, "patient_ceiling": None, "age_min": None, "age_max": None,
}  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """The settings that change decisions or what is written."""

    secret: str = "0123456789abcdef0123456789abcdef"
    source: str = "fastlakare"
    on_doctor_left: str = "end"
    eligible: frozenset[str] = ELIGIBLE


@dataclass
class Person:
    """The last fact of a person; a removed or protected one holds nothing but version and mark."""

    version: int
    fact_at: datetime
    removed: bool = False
    protected: bool = False
    name: str | None = None
    content: dict[str, Any] = field(default_factory=dict)

    @property
    def employments(self) -> list[dict[str, Any]]:
        employments: list[dict[str, Any]] = self.content.get("employments", [])
        return employments


@dataclass
class Unit:
    """The last fact of a unit; a removed one keeps end and replaced_by, name and care giver are forgotten."""

    version: int
    fact_at: datetime
    removed: bool = False
    name: str | None = None
    care_giver: str | None = None
    kind: str = "vardcentral"
    end: date | None = None
    replaced_by: str | None = None
    content: dict[str, Any] = field(default_factory=dict)


@dataclass
class Entry:
    """A roster entry: it exists once the doctor was activated at the unit."""

    active: bool = False
    pause: tuple[date, date | None] | None = None
    profile: dict[str, Any] = field(default_factory=lambda: dict(EMPTY_PROFILE))


@dataclass
class Link:
    """A patient's fast läkarkontakt."""

    unit: str
    doctor: str
    start: date


@dataclass
class Patient:
    """`status`: unknown (only spoken of by another id), listed, protected, forgotten (known under a new id)."""

    sequence: int | None = None
    status: str = "unknown"
    listing: dict[str, Any] = field(default_factory=dict)
    link: Link | None = None
    revision: int = 0
    events: bool = False


@dataclass
class State:
    """Dictionaries of all that is known, and plain questions about them."""

    settings: Settings = field(default_factory=Settings)
    today: date = date.min
    now: datetime = NEVER
    persons: dict[str, Person] = field(default_factory=dict)
    units: dict[str, Unit] = field(default_factory=dict)
    roster: dict[tuple[str, str], Entry] = field(default_factory=dict)
    patients: dict[str, Patient] = field(default_factory=dict)

    def replaced(self, unit: str) -> str | None:
        """The id that this one means today, one step (S9)."""
        fact = self.units.get(unit)
        if fact is None or fact.replaced_by is None:
            return None
        return fact.replaced_by if fact.end is None or fact.end < self.today else None

    def means(self, unit: str) -> str:
        """The unit an id means today: chains are followed, a cycle stops at its first repeat (S9)."""
        passed: set[str] = set()
        while unit not in passed:
            passed.add(unit)
            unit = self.replaced(unit) or unit
        return unit

    def closed(self, unit: str) -> bool:
        """S9; an unknown unit is an open vårdcentral."""
        fact = self.units.get(unit)
        if fact is None:
            return False
        return fact.removed or fact.kind != "vardcentral" or (fact.end is not None and fact.end < self.today)

    def employments(self, doctor: str, unit: str) -> list[dict[str, Any]]:
        """Those of the person at the unit whose position is eligible, whatever their dates."""
        person = self.persons.get(doctor)
        employments = person.employments if person else []
        at_unit = [one for one in employments if self.means(one["unit_hsa_id"].upper()) == unit]
        return [one for one in at_unit if one["position_code"] in self.settings.eligible]

    def current_employments(self, doctor: str, unit: str) -> list[dict[str, Any]]:
        """Those that make the pair selectable today, the one that gives the title first (S3, S4)."""
        person = self.persons.get(doctor)
        if person is None or person.removed or person.protected or "LK" not in person.content["licences"]:
            return []
        now = [one for one in self.employments(doctor, unit) if self.lasts(one)]
        by_code = sorted(now, key=lambda one: str(one["position_code"]))
        return sorted(by_code, key=lambda one: ids.day(one.get("start") or "") or date.min, reverse=True)

    def lasts(self, period: dict[str, Any]) -> bool:
        """Whether a period with open ends includes today."""
        start, end = ids.day(period.get("start") or ""), ids.day(period.get("end") or "")
        return (start is None or start <= self.today) and (end is None or self.today <= end)

    def selectable(self, doctor: str, unit: str) -> bool:
        """S3."""
        return bool(self.current_employments(doctor, unit))

    def absent(self, doctor: str, unit: str) -> bool:
        """S5: in every employment that makes the pair selectable."""
        now = self.current_employments(doctor, unit)
        return bool(now) and all(any(self.lasts(away) for away in one.get("absences", [])) for one in now)

    def paused(self, doctor: str, unit: str) -> bool:
        """C5."""
        entry = self.roster.get((unit, doctor))
        if entry is None or entry.pause is None:
            return False
        start, end = entry.pause
        return start <= self.today and (end is None or self.today <= end)

    def active(self, doctor: str, unit: str) -> bool:
        """Activated by the vårdcentral, and not fallen since."""
        entry = self.roster.get((unit, doctor))
        return entry is not None and entry.active

    def choice(self, patient_id: str) -> dict[str, Any] | None:
        """The half of the vårdval that holds today (L2)."""
        patient = self.patients.get(patient_id)
        if patient is None or patient.status != "listed":
            return None
        upcoming = patient.listing.get("upcoming")
        taken = upcoming is not None and date.fromisoformat(upcoming["valid_from"]) <= self.today
        half: dict[str, Any] | None = upcoming if taken else patient.listing.get("current")
        return half

    def listed_at(self, patient_id: str) -> str | None:
        """The unit the patient is listed at today, an old id read as the new unit."""
        half = self.choice(patient_id)
        return None if half is None else self.means(half["unit_hsa_id"].upper())

    def linked(self, doctor: str, unit: str) -> list[str]:
        """The doctor's patients at the unit, by id."""
        patients = sorted(self.patients.items())
        return [pid for pid, one in patients if one.link and (one.link.unit, one.link.doctor) == (unit, doctor)]

    def profile(self, doctor: str, unit: str) -> dict[str, Any]:
        """What the vårdcentral has said of the doctor, nulls when nothing."""
        entry = self.roster.get((unit, doctor))
        return entry.profile if entry else EMPTY_PROFILE

    def fits(self, patient_id: str, doctor: str, unit: str) -> bool:
        """Whether the patient's age is within the doctor's limits."""
        profile, years = self.profile(doctor, unit), ids.age(patient_id, self.today)
        low, high = profile["age_min"], profile["age_max"]
        return (low is None or low <= years) and (high is None or years <= high)

    def room(self, doctor: str, unit: str) -> int | None:
        """Free places, negative when the ceiling was lowered below the patients; None without a ceiling."""
        ceiling = self.profile(doctor, unit)["patient_ceiling"]
        return None if ceiling is None else ceiling - len(self.linked(doctor, unit))

    def unavailable(self, doctor: str, unit: str) -> str | None:
        """C7 up to `doctor_absent`: why the doctor takes no new patients, or None."""
        if not self.active(doctor, unit):
            return "doctor_not_active"
        if self.paused(doctor, unit):
            return "doctor_paused"
        return "doctor_absent" if self.absent(doctor, unit) else None

    def title(self, doctor: str, unit: str) -> str | None:
        """S4."""
        now = self.current_employments(doctor, unit)
        return now[0].get("title") if now else None
