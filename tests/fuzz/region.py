"""The region in memory as the service keeps it: patients under their keys, days that are passed over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from handlers.decide import decide_batch
from handlers.world import Patient
from handlers.world.changes import Cause
from handlers.world.imports import IMPORT_DAYS
from infra.patient_keys import PatientKeys
from schemas.clock import DayBegan
from tests.harness.region import HANDLERS, Region

_KEYS = PatientKeys(b"a secret of thirty-two bytes, no less", 12)


class KeyedRegion(Region):
    """Nothing is known before the first day (T3)."""

    def __init__(self) -> None:
        super().__init__(today=date.min)

    def begin_days(self, target: date, cause: Cause) -> bool:
        """Every day up to this one on which anything happens, and what it causes (T4); False where it had begun."""
        if self.today >= target:
            return False
        while self.today < target:
            self._begin(target if self.today == date.min else self._next_day(target), cause)
        return True

    def _begin(self, day: date, cause: Cause) -> None:
        world = self.world()
        self.drive(decide_batch([(DayBegan(day=day), cause)], HANDLERS, world), world)
        self.today, self.began = day, cause
        self.save(world)
        self.works_off()

    def _next_day(self, target: date) -> date:
        """As `infra.postgres.day.next_day`: days on which nothing happens are passed over."""
        due = min((day for day in self._boundaries() if day > self.today), default=target)
        return min(due, target)

    def _boundaries(self) -> Iterator[date]:
        for doctor in self.doctors.values():
            yield from doctor.boundaries()
        for entry in self.roster.values():
            yield from entry.boundaries()
        for patient in self.patients.values():
            if patient.upcoming is not None:
                yield patient.upcoming.valid_from
            if patient.due is not None:
                yield patient.due
        for unit in self.units.values():
            if unit.end is not None and unit.end < date.max:
                yield unit.end + timedelta(days=1)
        for waiting in self.imports.values():
            if waiting.answered_by is None and waiting.first_day <= date.max - IMPORT_DAYS:
                yield waiting.first_day + IMPORT_DAYS

    def unknown(self, number: int) -> Patient:
        key = _KEYS.key(number)
        return Patient(number, key, _KEYS.partition(key))
