"""What a decision changed, told by verbs: the tables, the audit trail and the events are written from this (P3).

Whatever differs from what was loaded is in it (`tests/harness/store.py` holds every decision of every test to that),
so nothing can be changed and not saved.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from handlers.world.changes import ChangeRecord, Pair
from handlers.world.entities import Doctor, Patient, RosterEntry, Unit
from handlers.world.imports import ImportKey


@dataclass(slots=True)
class ChangeSet:
    """`records` is what 1177, subscribers and the audit trail learn, in the order it happened; the other fields say
    which rows differ from what was loaded."""

    records: list[ChangeRecord] = field(default_factory=list)
    patients: set[int] = field(default_factory=set)
    doctors: set[str] = field(default_factory=set)
    entries: set[Pair] = field(default_factory=set)
    removed_entries: set[Pair] = field(default_factory=set)
    units: set[str] = field(default_factory=set)
    imports: set[ImportKey] = field(default_factory=set)
    removed_imports: set[ImportKey] = field(default_factory=set)
    moved_imports: list[tuple[ImportKey, str]] = field(default_factory=list)
    due_units: set[str] = field(default_factory=set)
    due_pairs: set[Pair] = field(default_factory=set)
    stale_statistics: dict[Pair, datetime] = field(default_factory=dict)

    def record(self, change: ChangeRecord) -> None:
        """Something that 1177, a subscriber or the audit trail must learn."""
        self.records.append(change)

    def touch_patient(self, patient: Patient) -> None:
        """The patient differs from what was loaded; link and listing included."""
        self.patients.add(patient.id)

    def touch_doctor(self, doctor: Doctor) -> None:
        """The doctor differs from what was loaded, or the day does, on which the doctor is due next."""
        self.doctors.add(doctor.hsa_id)

    def touch_entry(self, entry: RosterEntry) -> None:
        """The roster entry differs from what was loaded, or the day does, on which it is due next."""
        self.entries.add(entry.pair)

    def remove_entry(self, pair: Pair) -> None:
        """Nothing is kept of the roster entry (S7), unless it is made anew afterwards."""
        self.entries.discard(pair)
        self.removed_entries.add(pair)

    def touch_unit(self, unit: Unit) -> None:
        """The unit differs from what was loaded."""
        self.units.add(unit.hsa_id)

    def touch_import(self, key: ImportKey) -> None:
        """The import or one of its parts differs from what was loaded."""
        self.imports.add(key)

    def remove_import(self, key: ImportKey) -> None:
        """Nothing is kept of the import (a dry run)."""
        self.removed_imports.add(key)

    def move_import(self, key: ImportKey, unit: str) -> None:
        """The import waits at another unit (S9)."""
        self.moved_imports.append((key, unit))

    def mark_unit_due(self, unit: str) -> None:
        """Every patient linked at the unit is due: the day has touched the unit (T5)."""
        self.due_units.add(unit)

    def mark_pair_due(self, pair: Pair) -> None:
        """Every patient linked at the pair is due: the day has touched the doctor there (T5)."""
        self.due_pairs.add(pair)

    def mark_statistics_stale(self, pair: Pair, at: datetime) -> None:
        """The doctor's figures at the unit are others since then."""
        self.stale_statistics[pair] = at

    def is_due(self, patient: Patient) -> bool:
        """Whether the day has touched what the patient is linked to (T5)."""
        link = patient.link
        return link is not None and (link.unit in self.due_units or Pair(link.unit, link.doctor) in self.due_pairs)
