"""A small closed world, so that what is drawn meets what is held and decisions really happen."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.harness.builders import RESERVE_NUMBER, SAMORDNINGSNUMMER
from tests.model.ids import personnummer

FIRST_DAY = date(2026, 5, 26)
#: records after which others come into the world: those before are worn out, their versions at the highest there is
ERA = 1_500
_ERAS = 366
#: recognised and left out (L8)
OUT_OF_SCOPE = [SAMORDNINGSNUMMER, RESERVE_NUMBER]
TEXTS = [
    "",
    "a",
    "Majorna",
    "Överläkare Ö",
    "LK",
    "202010",
    "7",
    "x" * 40,
    "אבג",
    "e\u0301\u0301",
    "👩‍⚕️",
    "'; --",
    "%s{}\\",
]

Draw = Callable[["World"], Any]


def patients_of(era: int) -> list[str]:
    """The patients of an era; those of the 367th are the first ones again."""
    born = date(2000, 1, 1) + timedelta(days=era % _ERAS)
    return [personnummer(f"19{year}{born:%m%d}", number) for year in range(40, 61, 4) for number in (238, 239)]


#: everybody who may ever be in the world
EVERYBODY = frozenset(patient for era in range(_ERAS) for patient in patients_of(era))
#: the patients of the first era, who stand in ids and headers where none may stand
PATIENTS = patients_of(0)


@dataclass
class World:
    """Draws from one generator of chance; `now` and `number` rise with every record."""

    rng: random.Random
    today: date = FIRST_DAY
    number: int = 0
    now: datetime = field(default_factory=lambda: datetime(2026, 5, 26, 8, tzinfo=UTC))
    units: list[str] = field(default_factory=list)
    doctors: list[str] = field(default_factory=list)
    patients: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.begin_era()

    def begin_era(self) -> None:
        """Other units, doctors and patients from here on."""
        era = self.number // ERA
        self.units = [f"SE2321000131-E{era:06}71{one}" for one in range(3)]
        self.doctors = [f"SE2321000131-E{era:06}762{one}" for one in range(4)]
        self.patients = patients_of(era)

    def chance(self, share: float) -> bool:
        """True with this probability."""
        return self.rng.random() < share

    def pick(self, among: Sequence[Any]) -> Any:
        """One of them, each as likely."""
        return among[int(self.rng.random() * len(among))]

    def below(self, number: int) -> int:
        """A whole number from 0, below this one."""
        return int(self.rng.random() * number)

    def unit(self) -> str:
        """One of the few units, the first most often."""
        return self.units[int(self.rng.random() ** 2 * len(self.units))]

    def doctor(self) -> str:
        """One of the few doctors, the first most often."""
        return self.doctors[int(self.rng.random() ** 2 * len(self.doctors))]

    def patient(self) -> str:
        """One of the patients, seldom one out of scope."""
        return str(self.pick(self.patients if self.chance(0.97) else OUT_OF_SCOPE))

    def rising(self) -> int:
        """A version or sequence, mostly the highest so far."""
        return self.number - (0 if self.chance(0.8) else self.below(40))

    def near(self, first: int, last: int) -> str:
        """A day around today."""
        return (self.today + timedelta(days=first + self.below(last - first + 1))).isoformat()

    def day(self) -> str:
        """The turn of a day: mostly the next one."""
        self.today += timedelta(days=self.pick((1, 1, 1, 1, 0, 3)))
        return self.today.isoformat()


def _start(world: World) -> str | None:
    return None if world.chance(0.4) else world.near(-400, 1)


def _end(world: World) -> str | None:
    return None if world.chance(0.8) else world.near(-2, 40)


def _unit_or_none(world: World) -> str | None:
    return world.unit() if world.chance(0.02) else None


#: by the name of a field, what makes sense often enough; whatever is not here is drawn from its schema alone
SENSIBLE: dict[str, Draw] = {
    "unit_hsa_id": World.unit,
    "doctor_hsa_id": World.doctor,
    "from_doctor_hsa_id": World.doctor,
    "to_doctor_hsa_id": World.doctor,
    "patient_id": World.patient,
    "new_patient_id": World.patient,
    "care_giver_hsa_id": _unit_or_none,
    "replaced_by": _unit_or_none,
    "version": World.rising,
    "sequence": World.rising,
    "position_code": lambda world: "202010" if world.chance(0.95) else "251010",
    "licences": lambda world: ["LK"] if world.chance(0.95) else [],
    "protected": lambda world: world.chance(0.02),
    "kind": lambda world: "vardcentral" if world.chance(0.98) else "other",
    "role": lambda world: "VC-chef" if world.chance(0.9) else world.pick(TEXTS),
    "start": _start,
    "end": _end,
    "valid_from": lambda world: world.near(-400, 3),
    "day": World.day,
    "import_id": lambda world: f"import-{world.below(50)}",
    "patient_ceiling": lambda world: None if world.chance(0.5) else world.below(30),
    "age_min": lambda world: None if world.chance(0.8) else world.below(40),
    "age_max": lambda world: None if world.chance(0.8) else 60 + world.below(71),
}
