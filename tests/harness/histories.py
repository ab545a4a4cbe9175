"""Seeded histories in a small world where everything collides: facts and days; commands are in `asking.py`."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from tests.harness.records import LISTING, STAFF, UNIT, Data, Record, Sender, choice, employment
from tests.model.ids import personnummer
from tests.model.model import Model
from tests.scenarios.schedule import Step

FIRST = date(2025, 5, 26)
UNITS = [f"SE2321000131-E00000000071{one}" for one in range(3)]
DOCTORS = [f"SE2321000131-E00000000762{one}" for one in range(4)]
BORN = ("19500101", "19610615", "19720229", "19800527", "19900602", "20000101",
        "20070526", "20070601", "20110830", "20170101", "20200229", "20241224")  # fmt: skip
PATIENTS = [personnummer(born) for born in BORN]
STRANGERS = ["199006622394", "199013402397", "19900602A397"]


@dataclass
class World:
    """`model` follows along only so that what is asked for makes sense often enough."""

    seed: int
    model: Model = field(default_factory=Model)
    versions: dict[str, int] = field(default_factory=dict)
    sent_commands: list[Record] = field(default_factory=list)
    waiting_parts: list[Callable[[], Record]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.sender = Sender(datetime.combine(FIRST, time(8), UTC), source=f"history-{self.seed}")
        self.today = FIRST

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def near(self, low: int = -6, high: int = 6) -> str:
        """A date around today."""
        return (self.today + timedelta(days=self.rng.randint(low, high))).isoformat()

    def some(self, *ways: tuple[float, Any]) -> Any:
        """One of the ways, by weight."""
        return self.rng.choices([way for _, way in ways], [weight for weight, _ in ways])[0]

    def number(self, name: str) -> int:
        """The next version or sequence: mostly higher, at times the same, lower or far ahead."""
        version = self.versions.get(name, 0)
        number: int = version + self.some((75, 1), (10, 0), (8, -1), (3, -3), (4, 4))
        self.versions[name] = max(version, number)
        return number

    def steps(self, count: int) -> list[Step]:
        """The first day, and then so many steps."""
        from tests.harness.command_generator import commands

        ways = ((7, self.days), (17, self.staff), (7, self.units), (22, self.listings), (2, self.broken),
                (45, lambda: commands(self)))  # fmt: skip
        steps = [Step([self.sender.day(FIRST.isoformat())])]
        self.model.feed(steps[0].records[0])
        for opening in (self.units, self.staff, self.listings):
            steps += [self.follow(opening()) for _ in range(4)]
        while len(steps) < count:
            steps.append(self.follow(self.some(*ways)()))
        return steps

    def follow(self, records: list[Record]) -> Step:
        """The shadow hears it too."""
        for record in records:
            self.model.feed(record)
        self.sender.now += timedelta(seconds=self.rng.randint(1, 20))
        return Step(records)

    def days(self) -> list[Record]:
        """A day on, at times several, at times none or back."""
        forward: int = self.some((70, 1), (15, 2), (5, 5), (5, 0), (5, -1))
        day = self.today + timedelta(days=forward)
        if forward > 0:
            self.today = day
            self.sender.at(datetime.combine(day, time(0), UTC))
        return [self.sender.day(day.isoformat())]

    def staff(self) -> list[Record]:
        """One to three persons."""
        return [self.person(doctor) for doctor in self.rng.sample(DOCTORS, self.some((6, 1), (2, 2), (1, 3)))]

    def person(self, doctor: str) -> Record:
        """A state, a removal or a tombstone."""
        kind = self.some((90, "state"), (5, "removed"), (5, "tombstone"))
        if kind == "tombstone":
            return self.sender.tombstone(STAFF, doctor, timedelta(hours=self.some((1, 0), (1, 90))))
        if kind == "removed":
            return self.sender.staff_removed(doctor, self.number(doctor))
        names = self.some((3, ("Anna", "Berg")), (1, ("Anna", "Alm")), (1, ("Bo", "Ek")))
        jobs = [self.job(unit) for unit in UNITS if self.chance(0.75)]
        jobs += [self.job(self.rng.choice(UNITS)) for _ in range(self.some((3, 0), (2, 1)))]
        return self.sender.staff(
            doctor, self.number(doctor), given_name=names[0], surname=names[1], employments=jobs,
            protected=self.chance(0.05), licences=self.some((20, ["LK"]), (1, []), (1, ["TL"]), (2, ["SSK", "LK"])),
            vgr_id=self.some((3, None), (1, "annbe1")),
        )  # fmt: skip

    def job(self, unit: str) -> Data:
        """An employment that mostly lasts."""
        away = [{"start": self.some((1, None), (3, self.near())), "end": self.some((1, None), (3, self.near()))}]
        return employment(
            unit, self.some((5, None), (5, self.near(-40, -20)), (1, self.near(0, 3))),
            self.some((8, None), (3, self.near(0, 9)), (1, self.near(-9, -1))),
            position_code=self.some((6, "202010"), (2, "201011"), (1, "251010")),
            title=self.some((3, "Distriktsläkare"), (1, "Överläkare"), (1, None)),
            absences=self.some((5, []), (1, away)),
        )  # fmt: skip

    def units(self) -> list[Record]:
        """One unit, mostly in good health."""
        unit = self.rng.choice(UNITS)
        kind = self.some((90, "state"), (5, "removed"), (5, "tombstone"))
        if kind == "tombstone":
            return [self.sender.tombstone(UNIT, unit, timedelta(hours=self.some((1, 0), (1, 90))))]
        if kind == "removed":
            return [self.sender.unit_removed(unit, self.number(unit))]
        end = self.some((6, None), (1, self.near(-3, 4)))
        new = self.some((5, None), (1, self.rng.choice(UNITS)))
        name = self.some((3, "Majorna"), (1, "Kungshöjd"), (1, "Alepraktiken"))
        fields = {"name": name, "end": end, "replaced_by": new, "start": self.some((2, None), (1, self.near()))}
        giver = self.some((2, None), (1, UNITS[0]))
        sort = self.some((20, "vardcentral"), (1, "jourcentral"))
        return [self.sender.unit(unit, self.number(unit), kind=sort, care_giver_hsa_id=giver, **fields)]

    def listings(self) -> list[Record]:
        """Several patients' vårdval, or one changed id."""
        if self.chance(0.07):
            return [self.changed_id()]
        return [self.listing(patient) for patient in self.rng.sample(PATIENTS, self.rng.randint(1, 4))]

    def listing(self, patient: str) -> Record:
        """Mostly at a unit, at times on the way to another."""
        if self.chance(0.03):
            return self.sender.tombstone(LISTING, f"key-{PATIENTS.index(patient)}")
        fields = {
            "current": self.some((8, choice(self.rng.choice(UNITS), self.near(-20, 2))), (1, None)),
            "upcoming": self.some((5, None), (2, choice(self.rng.choice(UNITS), self.near(-1, 5)))),
            "care_burden": self.some((1, None), (1, self.rng.randint(0, 9) / 4)),
            "protected": self.chance(0.05),
        }
        known = self.some((30, patient), (1, self.rng.choice(STRANGERS)))
        return self.sender.listing(known, self.number(patient), f"key-{PATIENTS.index(patient)}", **fields)

    def changed_id(self) -> Record:
        """From one of the world's patients to another."""
        old, new = self.rng.choice(PATIENTS), self.rng.choice(PATIENTS + STRANGERS[:1])
        sequence = self.number(old)
        if new in self.versions:
            self.versions[new] = max(self.versions[new], sequence)
        return self.sender.id_changed(old, new, sequence, f"key-{PATIENTS.index(old)}")

    def broken(self) -> list[Record]:
        """A record with a fault in its data."""
        sound = self.rng.choice([self.person(DOCTORS[0]), self.listing(PATIENTS[0])])
        value = self.some((1, b"{"), (1, b"[]"), (2, b'{"hsa_id": "SE1", "version": 1, "patient_id": "1"}'))
        return [sound if sound.value is None else Record(sound.topic, sound.key, value, sound.headers, sound.timestamp)]
