"""What streams in beside a history: vårdval and commands of people and units of their own, whose order across topics
makes no difference."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta

from tests.harness.histories import FIRST
from tests.harness.records import Record, Sender, choice, employment
from tests.model.ids import personnummer
from tests.scenarios.schedule import Step

HOME, AWAY = "SE2321000131-E000000000801", "SE2321000131-E000000000802"
DOCTORS = [f"SE2321000131-E00000000881{one}" for one in range(3)]
SINCE = "2025-01-01"


class Workload:
    """`relisted` only have vårdval, and move about; `linked` stay at HOME and only commands touch them."""

    def __init__(self, seed: int, people: int) -> None:
        born = [date(1930, 1, 1) + timedelta(days=number) for number in range(2 * people)]
        everybody = [personnummer(f"{day:%Y%m%d}", 239) for day in born]
        self.relisted, self.linked = everybody[:people], everybody[people:]
        self.patients = everybody
        self._rng = random.Random(seed)
        self._sender = Sender(datetime(FIRST.year, FIRST.month, FIRST.day, 6, tzinfo=UTC), source=f"load-{seed}")
        self._sender.step = timedelta(milliseconds=1)
        self._sequences: Counter[str] = Counter()

    def opening(self) -> list[Step]:
        """Units, doctors, everybody listed at HOME, and the doctors active there."""
        units = [self._sender.unit(unit, 1) for unit in (HOME, AWAY)]
        staff = [self._sender.staff(one, 1, employments=[employment(HOME)], surname=f"Alm{one[-1]}") for one in DOCTORS]
        listed = [self._listing(patient, HOME) for patient in self.patients]
        active = [self._sender.command("activate-doctor", HOME, doctor_hsa_id=one) for one in DOCTORS]
        return [Step(units), Step(staff), Step(listed), Step(active)]

    def portion(self) -> list[Record]:
        """A vårdval for one half of the relisted, a command for one half of the linked."""
        vardval = self._rng.sample(self.relisted, len(self.relisted) // 2)
        asked = self._rng.sample(self.linked, len(self.linked) // 2)
        records = [self._listing(patient, self._rng.choice((HOME, AWAY))) for patient in vardval]
        records += [self._command(patient) for patient in asked]
        self._rng.shuffle(records)  # each patient is in here once, so no order is turned round
        return records

    def _listing(self, patient: str, unit: str) -> Record:
        self._sequences[patient] += 1
        current = choice(unit, SINCE) | {"reason": f"val {self._sequences[patient]}"}
        return self._sender.listing(patient, self._sequences[patient], f"load-{patient[:8]}", current=current)

    def _command(self, patient: str) -> Record:
        if self._rng.random() < 0.2:
            return self._sender.command("unlink-patient", HOME, patient_id=patient)
        return self._sender.command("link-patient", HOME, patient_id=patient, doctor_hsa_id=self._rng.choice(DOCTORS))
