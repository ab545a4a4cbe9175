"""A stage for streams: two vårdcentraler, four doctors, many linked patients, and a wave of vårdval to send."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.harness.invariants import breaches, newest
from tests.harness.records import CHANGES, Record, Sender, choice, employment, header
from tests.harness.session import Session
from tests.model.ids import patient_key, personnummer
from tests.scenarios.schedule import Step

TODAY = date(2025, 5, 26)
HOME, AWAY = "SE2321000131-E000000000712", "SE2321000131-E000000000799"
DOCTORS = [f"SE2321000131-E00000000762{one}" for one in range(4)]


def people(count: int) -> list[str]:
    """So many test persons, two to a birth day."""
    born = (date(1950, 1, 1) + timedelta(days=number // 2) for number in range(count))
    return [personnummer(f"{day:%Y%m%d}", 238 + number % 2) for number, day in enumerate(born)]


@dataclass
class Workload:
    """`patients` so many, all linked at HOME after `set_up`; `relisted` are those who left for AWAY since."""

    count: int
    sender: Sender = field(default_factory=lambda: Sender(datetime(2025, 5, 26, 8, tzinfo=UTC), source="wave"))
    relisted: set[str] = field(default_factory=set)
    sequences: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.patients = people(self.count)
        self.sender.step = timedelta(milliseconds=1)

    def listing(self, patient: str, unit: str, **fields: Any) -> Record:
        """The patient's next vårdval, keyed as vårdval does."""
        self.sequences[patient] += 1
        number = self.sequences[patient]
        current = choice(unit, "2025-01-01") | {"reason": f"val {number}"}
        return self.sender.listing(patient, number, patient_key(patient, "vardval"), current=current, **fields)

    def opening(self) -> list[Step]:
        """The day, units, doctors, vårdval, activation."""
        days = [self.sender.day(TODAY.isoformat())]
        units = [self.sender.unit(one, 1, name=name) for one, name in ((HOME, "Hemmet"), (AWAY, "Andra"))]
        staff = [self.sender.staff(one, 1, employments=[employment(HOME), employment(AWAY)]) for one in DOCTORS]
        listed = [self.listing(patient, HOME) for patient in self.patients]
        active = [self.sender.command("activate-doctor", unit, doctor_hsa_id=one) for one in DOCTORS
                  for unit in (HOME, AWAY)]  # fmt: skip
        return [Step(days), Step(units), Step(staff), Step(listed), Step(active)]

    def set_up(self, session: Session) -> None:
        """All of it, and every patient linked by a distribution."""
        for step in (*self.opening(), Step([self.sender.command("distribute-patients", HOME, seed=1)])):
            session.step(step)

    def stream(self, each: int, leavers: float = 0.6) -> list[Record]:
        """`each` vårdval a patient, patients taking turns; a share of them is at AWAY from their middle one on."""
        leaving = set(self.patients[: int(self.count * leavers)])
        self.relisted |= leaving
        return [
            self.listing(patient, AWAY if patient in leaving and turn >= each // 2 else HOME)
            for turn in range(each)
            for patient in self.patients
        ]

    def faults(self, session: Session) -> list[str]:
        """Each leaver's link ended once, the others' stands, and the invariants hold."""
        found = breaches(session)
        newest_values = newest(session.topics.records, CHANGES)
        counts = Counter(record.key for record in session.topics.records if record.topic == CHANGES)
        for patient in self.patients:
            key = patient_key(patient, session.installation.settings.secret)
            last, expected = newest_values.get(key), ("relisted", 2) if patient in self.relisted else ("distributed", 1)
            if last is None or (last["reason"], counts[key]) != expected:
                found.append(f"1177 {key}: {expected} expected, heard {counts[key]}, {last and last['reason']}")
        found += [
            f"dead: {header(one.headers, 'dlq_detail')}" for one in session.topics.records if one.topic[-4:] == ".dlq"
        ]
        return (found + [f"leaked: {leak}" for leak in session.leaks(self.patients)])[:20]
