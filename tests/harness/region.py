"""A region in memory: it meets what a decision needs, nothing else, and keeps only what was marked as changed.

So a decision that forgets to ask for something does not see it here either, and one that forgets to say what it
changed finds the old state the next time: just as on the database.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from handlers.decide import Handlers, decide_batch, load_missing
from handlers.world import Doctor, Import, Link, Needs, Patient, Policy, RosterEntry, Unit, World
from handlers.world.changes import (
    AuditEntry,
    Cause,
    ChangeRecord,
    DoctorChange,
    Json,
    LinkChange,
    Outcome,
    Pair,
    ReplyCreated,
    ReplyResent,
)
from handlers.world.imports import IMPORT_DAYS
from schemas.clock import DayBegan
from schemas.read import Tombstone
from tests.harness import builders as a
from tests.harness.builders import DOCTOR, NOON, PATIENT, TODAY, UNIT
from workers.routes import ROUTES

T = TypeVar("T")

#: as `workers/routes.py` has them; what a tombstone means depends on its topic
HANDLERS: Handlers = {
    event: handler for route in ROUTES.values() for event, handler in route.handlers.items() if event is not Tombstone
}


class Region:
    """All that is held, and all that was ever said (`changes`, in order)."""

    def __init__(self, *events: Any, policy: Policy | None = None, today: date = TODAY) -> None:
        self.policy = policy or Policy()
        self.today = today
        self.began = Cause("clock", "day", NOON)
        self.units: dict[str, Unit] = {}
        self.doctors: dict[str, Doctor] = {}
        self.roster: dict[Pair, RosterEntry] = {}
        self.patients: dict[int, Patient] = {}
        self.imports: dict[tuple[str, str], Import] = {}
        self.changes: list[ChangeRecord] = []
        self._ids = count(1)
        for event in events:
            self.happens(event)

    def happens(self, *events: Any, at: datetime = NOON, id: str | None = None, tombstones: Any = None) -> Outcome:
        """One batch of events; the outcome of the last. `tombstones`: the handler of the topic they stand in."""
        handlers = HANDLERS if tombstones is None else {**HANDLERS, Tombstone: tombstones}
        batch = [(event, self._cause(event, at, id)) for event in events]
        world = self._world()
        outcomes = self._drive(decide_batch(batch, handlers, world), world)
        self._save(world)
        return outcomes[-1]

    def asks(self, event: Any, **how: Any) -> str:
        """The code that a command is answered with, or its outcome when nothing is said."""
        outcome = self.happens(event, **how)
        return str(self.reply["code"]) if outcome in (Outcome.ACCEPTED, Outcome.REFUSED) else str(outcome)

    def day_begins(self, day: date, *, at: datetime = NOON, works_off: bool = True) -> None:
        """Days pass one by one until this one; unless `works_off`, linked patients are left for later (T5)."""
        while self.today < day:
            world = self._world()
            turn, cause = self.today + timedelta(days=1), Cause("clock", f"day/{day}", at)
            self._drive(decide_batch([(DayBegan(day=turn), cause)], HANDLERS, world), world)
            self.today, self.began = turn, cause
            self._save(world)
            if works_off:
                self.works_off()

    def works_off(self) -> None:
        """What the day caused for linked patients happens now."""
        due = [p for p in self.patients.values() if p.due is not None and p.due <= self.today]
        doctors = {p.link.doctor for p in due if p.link is not None}
        world = self._world()
        self._drive(load_missing(world, [], Needs(patients={p.id for p in due}, doctors=doctors)), world)
        self._save(world)

    def copy(self) -> Region:
        """The same region once more, to have something else happen to."""
        other = Region(policy=self.policy, today=self.today)
        other.units, other.doctors, other.roster = dict(self.units), dict(self.doctors), dict(self.roster)
        other.patients, other.imports = dict(self.patients), deepcopy(self.imports)
        other.changes = list(self.changes)
        return other

    # what is held and was said, as tests ask for it

    @property
    def reply(self) -> Json:
        """The last reply."""
        return [change.value for change in self.changes if isinstance(change, ReplyCreated)][-1]

    @property
    def link_changes(self) -> list[tuple[str, str, str]]:
        """Every change that 1177 heard, in order: patient, change, reason."""
        return [(f"{c.patient_id:012d}", c.change, c.reason) for c in self.changes if isinstance(c, LinkChange)]

    def changes_of(self, patient: str = PATIENT) -> list[tuple[str, str]]:
        """What 1177 heard of one patient, in order: change and reason."""
        return [(change, reason) for who, change, reason in self.link_changes if who == patient]

    def last(self, patient: str = PATIENT) -> LinkChange:
        """The newest record of the patient's key."""
        return [c for c in self.changes if isinstance(c, LinkChange) and c.patient_id == int(patient)][-1]

    def revisions(self, patient: str = PATIENT) -> list[int]:
        """The revisions of all records of the patient's key, in order."""
        return [c.revision for c in self.changes if isinstance(c, LinkChange) and c.patient_id == int(patient)]

    def value(self, patient: str = PATIENT) -> Json:
        """The data of the newest record of the patient's key, which is not a withdrawal."""
        value = self.last(patient).value
        assert value is not None
        return value

    def doctor_record(self, doctor: str = DOCTOR, unit: str = UNIT) -> Json | None:
        """The newest record of the doctor at the unit; None: nothing yet, or that the pair is gone."""
        published = [c.payload for c in self.changes if isinstance(c, DoctorChange) and c.pair == Pair(unit, doctor)]
        return published[-1] if published else None

    def link(self, patient: str = PATIENT) -> Link | None:
        """The patient's fast läkarkontakt."""
        found = self.patients.get(int(patient))
        return None if found is None else found.link

    def entry(self, doctor: str = DOCTOR, unit: str = UNIT) -> RosterEntry:
        """The doctor at the unit."""
        return self.roster[Pair(unit, doctor)]

    def linked(self, doctor: str = DOCTOR, unit: str = UNIT) -> list[int]:
        """The doctor's patients at the unit."""
        return sorted(p.id for p in self.patients.values() if p.link and (p.link.unit, p.link.doctor) == (unit, doctor))

    def since(self, mark: int) -> list[tuple[str, str, str]]:
        """What 1177 heard after so many of its changes."""
        return self.link_changes[mark:]

    @property
    def audited(self) -> list[tuple[str, str]]:
        """The audit rows of what changed no link: what, and how it ended."""
        return [(c.what, c.reason) for c in self.changes if isinstance(c, AuditEntry)]

    @property
    def resent(self) -> list[tuple[str, str]]:
        """The commands whose stored reply was asked for again."""
        return [(c.source, c.id) for c in self.changes if isinstance(c, ReplyResent)]

    # as a database would

    def _cause(self, event: Any, at: datetime, id: str | None) -> Cause:
        actor = getattr(event, "actor", None)
        name = id or f"message-{next(self._ids)}"
        return Cause("a-source", name, at, actor=actor and actor.id, role=actor and actor.role)

    def _world(self) -> World:
        return World(self.today, self.began, self.policy, {i: replace(patient) for i, patient in self.units.items()})

    def _drive(self, decision: Generator[Needs, None, T], world: World) -> T:
        while True:
            try:
                needs = next(decision)
            except StopIteration as done:
                result: T = done.value
                return result
            self._load(needs, world)

    def _load(self, needs: Needs, world: World) -> None:
        self._load_doctors(needs, world)
        self._load_patients(needs, world)
        for pair in needs.counts:
            world.stored_counts[pair] = len(self.linked(pair.doctor, pair.unit))
        self._load_imports(needs, world)

    def _unknown(self, number: int) -> Patient:
        """A patient of whom nothing was heard."""
        return Patient(number, f"key-{number}", 0)

    def _load_doctors(self, needs: Needs, world: World) -> None:
        requested = set(needs.doctors) | {pair.doctor for pair in self.roster if pair.unit in needs.roster_of}
        for day in needs.due:
            requested |= {d.hsa_id for d in self.doctors.values() if self._comes(d.boundaries(), day)}
            requested |= {e.pair.doctor for e in self.roster.values() if self._comes(e.boundaries(), day)}
        for hsa_id in sorted(requested - world.doctors.keys()):
            world.add_doctor(replace(self.doctors.get(hsa_id, Doctor(hsa_id))))
            for entry in [entry for pair, entry in self.roster.items() if pair.doctor == hsa_id]:
                world.add_entry(replace(entry, profile=replace(entry.profile)))

    def _load_patients(self, needs: Needs, world: World) -> None:
        requested = {number for number in needs.patients if number in self.patients} | needs.new_patients
        counted = {pair.doctor for pair in needs.counts}
        for patient in self.patients.values():
            overdue = patient.due is not None and patient.due <= self.today
            if patient.link is not None and (
                patient.link.doctor in needs.links_of_doctor
                or patient.link.unit in needs.links_of_unit
                or (overdue and patient.link.doctor in counted)
            ):
                requested.add(patient.id)
            chosen = {choice.unit for choice in (patient.current, patient.upcoming) if choice is not None}
            if (patient.link is None or overdue) and any(
                chosen & world.predecessors_of(at) for at in needs.unlinked_at
            ):
                requested.add(patient.id)
        for number in sorted(requested - world.patients.keys()):
            patient = self.patients.get(number) or self._unknown(number)
            if patient.forgotten is None or number in needs.new_patients:
                world.add_patient(replace(patient))

    def _load_imports(self, needs: Needs, world: World) -> None:
        late = max((day - IMPORT_DAYS for day in needs.due), default=date.min)
        for key, patient in self.imports.items():
            due = patient.answered_by is None and patient.first_day <= late
            if (key in needs.imports or key[0] in needs.imports_at or due) and key not in world.imports:
                world.imports[key] = copy = deepcopy(patient)
                for part in copy.parts.values():
                    part.rows = None
        for key in needs.import_rows & world.imports.keys():
            for number, part in world.imports[key].parts.items():
                if part.rows is None:
                    part.rows = deepcopy(self.imports[key].parts[number].rows)

    def _unrecorded(self, world: World) -> Iterator[object]:
        """Whatever differs from what was loaded and is not in the change set: it would not be saved."""
        changes = world.changes
        recorded: set[object] = {*changes.patients, *changes.doctors, *changes.entries, *changes.units}
        recorded |= {number for number, patient in world.patients.items() if changes.is_due(patient)}
        tables: tuple[tuple[dict[Any, Any], dict[Any, Any], Callable[[Any], Any]], ...] = (
            (world.patients, self.patients, self._unknown),
            (world.doctors, self.doctors, Doctor),
            (world.roster, self.roster, RosterEntry),
            (world.units, self.units, Unit),
        )
        for loaded, stored, blank in tables:
            for key in loaded.keys() - recorded:
                if loaded[key] != (stored.get(key) or blank(key)):
                    yield loaded[key]
        moved = {(unit, key[1]): key for key, unit in changes.moved_imports}
        for name in world.imports.keys() - changes.imports:
            before = self.imports.get(moved.get(name, name))
            if before is None or _without_rows(world.imports[name]) != _without_rows(before, unit=name[0]):
                yield world.imports[name]

    def _comes(self, days: list[date], day: date) -> bool:
        return any(self.today < one <= day for one in days)

    def _save(self, world: World) -> None:
        assert list(self._unrecorded(world)) == []
        self.changes += world.changes.records
        self.units |= {i: world.units[i] for i in world.changes.units}
        self.doctors |= {i: world.doctors[i] for i in world.changes.doctors}
        self.roster |= {pair: world.roster[pair] for pair in world.changes.entries}
        self.patients |= {i: world.patients[i] for i in world.changes.patients}
        for patient in self.patients.values():
            at = patient.link
            if at is not None and (
                at.unit in world.changes.due_units or Pair(at.unit, at.doctor) in world.changes.due_pairs
            ):
                patient.due = world.today
        for key, at_unit in world.changes.moved_imports:
            moved = self.imports.pop(key)
            moved.unit = at_unit
            self.imports[at_unit, key[1]] = moved
        for key in world.changes.removed_imports:
            self.imports.pop(key, None)
        for key in world.changes.imports & world.imports.keys():
            stored = self.imports.get(key)
            rows = {} if stored is None else {n: part.rows for n, part in stored.parts.items()}
            self.imports[key] = stored_import = world.imports[key]
            for number, part in stored_import.parts.items():
                part.rows = rows.get(number) if part.rows is None else part.rows


def _without_rows(waiting: Import, **changes: Any) -> Import:
    """Rows are loaded only where they are asked for."""
    parts = {number: replace(part, rows=None) for number, part in waiting.parts.items()}
    return replace(waiting, parts=parts, **changes)


def shares(region: Region) -> dict[str, int]:
    """How many patients each doctor has."""
    found: dict[str, int] = defaultdict(int)
    for patient in region.patients.values():
        if patient.link is not None:
            found[patient.link.doctor] += 1
    return dict(found)


def ready(*events: Any, doctors: tuple[str, ...] = (DOCTOR,), policy: Policy | None = None) -> Region:
    """A region where the unit is known, these doctors are active there and the patient is listed there; and then."""
    before = [event for doctor in doctors for event in (a.staff(doctor), a.activate(doctor))]
    return Region(a.unit(), *before, a.listing(), *events, policy=policy)
