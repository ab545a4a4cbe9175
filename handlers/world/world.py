"""The world a decision is made on: what was loaded for it, and what it changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from handlers.world.changes import Cause, Pair
from handlers.world.changeset import ChangeSet
from handlers.world.entities import (
    Doctor,
    Employment,
    Link,
    Patient,
    RosterEntry,
    Unit,
)
from handlers.world.imports import Import, ImportKey
from handlers.world.needs import Needs
from handlers.world.successors import Successors


@dataclass(slots=True, frozen=True)
class Policy:
    """The settings that change a rule (S3, S6)."""

    eligible_positions: frozenset[str] = frozenset({"201010", "201011", "202010", "203010", "203090"})
    end_links_of_leavers: bool = True


@dataclass(slots=True)
class World:
    """Everything one batch sees. Handlers change it through the verbs of `links`, `roster` and their own modules.

    `units` is whole; of the rest only what was needed is here (`loaded`). `began` is the cause of what the day changes,
    `overdue` the loaded patients on whom it has not happened yet.
    """

    today: date
    began: Cause
    policy: Policy = field(default_factory=Policy)
    units: dict[str, Unit] = field(default_factory=dict)
    doctors: dict[str, Doctor] = field(default_factory=dict)
    roster: dict[Pair, RosterEntry] = field(default_factory=dict)
    entries_of: dict[str, set[Pair]] = field(default_factory=lambda: defaultdict(set))
    entries_at: dict[str, set[Pair]] = field(default_factory=lambda: defaultdict(set))
    patients: dict[int, Patient] = field(default_factory=dict)
    linked: dict[Pair, set[int]] = field(default_factory=lambda: defaultdict(set))
    stored_counts: dict[Pair, int] = field(default_factory=dict)
    imports: dict[ImportKey, Import] = field(default_factory=dict)
    patient_keys: dict[int, str] = field(default_factory=dict)
    loaded: Needs = field(default_factory=Needs)

    changes: ChangeSet = field(default_factory=ChangeSet)
    overdue: set[int] = field(default_factory=set)
    count_change: dict[Pair, int] = field(default_factory=lambda: defaultdict(int))
    _successors: Successors | None = None
    #: by doctor, the employments at each unit that is meant today
    _employments: dict[str, dict[str, list[Employment]]] = field(default_factory=dict)
    #: by unit, the ids that it replaces at once; made when it is first asked for
    _replaces: dict[str, set[str]] | None = None
    _pairs_of: dict[str, set[Pair]] = field(default_factory=lambda: defaultdict(set))
    _pairs_at: dict[str, set[Pair]] = field(default_factory=lambda: defaultdict(set))

    def resolve_unit(self, unit: str) -> str:
        """The unit an id means today (S9)."""
        if self._successors is None:
            self._successors = Successors(self.units, self.today)
        return self._successors.of(unit)

    def clear_successor_cache(self) -> None:
        """A unit's fact or the day has changed, so ids may mean other units."""
        self._successors = None
        self._employments.clear()

    def put_unit(self, unit: Unit) -> None:
        """What is held of a unit from now on; where ids may mean other units then, their cache is to be cleared."""
        if self._replaces is not None:
            before = self.unit(unit.hsa_id).replaced_by
            if before is not None:
                self._replaces[before].discard(unit.hsa_id)
            if unit.replaced_by is not None:
                self._replaces.setdefault(unit.replaced_by, set()).add(unit.hsa_id)
        self.units[unit.hsa_id] = unit

    def unit(self, unit: str) -> Unit:
        """The unit's fact; one not yet heard of is a vårdcentral without a name (contract.md)."""
        return self.units.get(unit) or Unit(unit)

    def closed(self, unit: str) -> bool:
        """Whether the unit is closed today (S9)."""
        fact = self.units.get(unit)
        return fact is not None and fact.closed(self.today)

    def add_patient(self, patient: Patient) -> None:
        """A patient was loaded."""
        self.patients[patient.id] = patient
        if patient.due is not None and patient.due <= self.today:
            self.overdue.add(patient.id)
        if patient.link is not None:
            self._add_linked(Pair(patient.link.unit, patient.link.doctor), patient)

    def add_doctor(self, doctor: Doctor) -> None:
        """A doctor was loaded or heard of."""
        self.doctors[doctor.hsa_id] = doctor
        self._employments.pop(doctor.hsa_id, None)

    def add_entry(self, entry: RosterEntry) -> None:
        """A roster entry was loaded or made."""
        self.roster[entry.pair] = entry
        self.entries_of[entry.pair.doctor].add(entry.pair)
        self.entries_at[entry.pair.unit].add(entry.pair)

    def remove_entry(self, pair: Pair) -> None:
        """Nothing is held of the entry any more; the doctor remembers how far its revision had come."""
        entry, doctor = self.roster.pop(pair), self.doctors[pair.doctor]
        doctor.last_revision = max(doctor.last_revision, entry.revision)
        self.entries_of[pair.doctor].discard(pair)
        self.entries_at[pair.unit].discard(pair)
        self.changes.touch_doctor(doctor)
        self.changes.remove_entry(pair)

    def employments_of(self, doctor: str) -> Mapping[str, Collection[Employment]]:
        """The doctor's employments by the unit that each means today, in the message's order (S9)."""
        known = self._employments.get(doctor)
        if known is None:
            known = self._employments[doctor] = {}
            for post in self.doctors[doctor].employments:
                known.setdefault(self.resolve_unit(post.unit), []).append(post)
        return known

    def leading_to(self, unit: str) -> set[str]:
        """The unit, and every id whose replacements lead to it on some day (S9)."""
        if self._replaces is None:
            self._replaces = {}
            for old, fact in self.units.items():
                if fact.replaced_by is not None:
                    self._replaces.setdefault(fact.replaced_by, set()).add(old)
        found, ahead = {unit}, [unit]
        while ahead:
            new = self._replaces.get(ahead.pop(), set()) - found
            found |= new
            ahead += new
        return found

    def predecessors_of(self, unit: str) -> set[str]:
        """Every id that means this unit today, its own first of all (S9)."""
        return {unit, *(old for old in self.leading_to(unit) if self.resolve_unit(old) == unit)}

    def patients_of_doctor(self, doctor: str) -> list[Patient]:
        """The patients linked to the doctor, by patient id (all of them, where `links_of_doctor` was needed)."""
        return self._linked(self._pairs_of.get(doctor, ()))

    def patients_of(self, pair: Pair) -> list[Patient]:
        """The patients linked at the pair, by patient id (all of them, where `links_of_doctor` was needed)."""
        return self._linked([pair])

    def patients_at(self, units: Iterable[str]) -> list[Patient]:
        """The patients linked at these units, by patient id (all of them, where `links_of_unit` was needed)."""
        return self._linked(pair for unit in units for pair in self._pairs_at.get(unit, ()))

    def _linked(self, pairs: Iterable[Pair]) -> list[Patient]:
        ids = sorted(set().union(*(self.linked.get(pair, ()) for pair in pairs)))
        return [self.patients[i] for i in ids]

    def _add_linked(self, pair: Pair, patient: Patient) -> None:
        if pair not in self.linked:
            self._pairs_of[pair.doctor].add(pair)
            self._pairs_at[pair.unit].add(pair)
        self.linked[pair].add(patient.id)

    def count(self, pair: Pair) -> int:
        """How many patients are linked at the pair now (needs `counts`)."""
        return self.stored_counts[pair] + self.count_change[pair]

    def move_import(self, key: ImportKey, unit: str) -> None:
        """An import moves to the unit that replaced its own; one of the same name there stands (S9)."""
        target = (unit, key[1])
        if unit == key[0] or target in self.imports:
            return
        self.imports[target] = replace(self.imports.pop(key), unit=unit)
        self.changes.move_import(key, unit)

    def set_link(self, patient: Patient, link: Link | None, at: datetime) -> None:
        """Puts the link in place and keeps the indexes, counts and stale figures true to it."""
        for old, step in ((patient.link, -1), (link, 1)):
            if old is not None:
                pair = Pair(old.unit, old.doctor)
                self.count_change[pair] += step
                self.changes.mark_statistics_stale(pair, at)
                if step < 0:
                    self.linked[pair].discard(patient.id)
                else:
                    self._add_linked(pair, patient)
        patient.link = link
        self.changes.touch_patient(patient)
