"""The made-up region: vårdcentraler, their doctors and the residents who are listed there, the same in every run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from random import Random
from typing import Any

FIRST_DAY = date(2026, 5, 26)

UNITS = (
    "Vårdcentralen Majorna",
    "Närhälsan Kungshöjd vårdcentral",
    "Alepraktiken",
    "Vårdcentralen Strandängen",
    "Vårdcentralen Lindhaga",
    "Vårdcentralen Björkdungen",
    "Vårdcentralen Kvarnbäcken",
    "Vårdcentralen Åsikten",
    "Vårdcentralen Sjöboden",
    "Vårdcentralen Tallgläntan",
    "Vårdcentralen Nordhamnen",
    "Vårdcentralen Ängskullen",
    "Vårdcentralen Hällan",
    "Vårdcentralen Rosengången",
    "Vårdcentralen Västerled",
    "Vårdcentralen Gråberget",
    "Vårdcentralen Lönnbacken",
    "Vårdcentralen Fyrklövern",
    "Vårdcentralen Skeppsbron",
    "Vårdcentralen Ödegärdet",
)
CARE_GIVER = "SE2321000131-E000000000001"
DOCTORS_EACH = 6
RESIDENTS = 20_000
#: how many are listed at the first three vårdcentraler; the rest share the others
_LISTED = (2_500, 2_200, 900)

_GIVEN = [
    "Anna", "Erik", "Maria", "Lars", "Karin", "Johan", "Elin", "Mikael", "Sara", "Anders", "Eva", "Per", "Ingrid",
    "Karl", "Malin", "Jonas", "Åsa", "Fredrik", "Hanna", "Olof", "Amina", "Daniel", "Linnea", "Magnus", "Fatima",
    "Gustav", "Helena", "Nils", "Sofia", "Mats",
]  # fmt: skip
_SURNAMES = [
    "Andersson", "Lindqvist", "Bergström", "Nyström", "Sandberg", "Holm", "Ek", "Wallin", "Forsberg", "Lundin",
    "Hedlund", "Björk", "Sjöberg", "Norén", "Åkesson", "Engström", "Dahl", "Öberg", "Strand", "Ahmadi", "Nordin",
    "Blom", "Söderberg", "Hansson", "Viklund", "Palm", "Månsson", "Hosseini", "Falk", "Lindholm",
]  # fmt: skip
_POSITIONS = (
    ("201011", "Distriktsläkare"),
    ("201010", "Överläkare"),
    ("202010", "Specialistläkare"),
    ("203010", "ST-läkare"),
)


@dataclass(frozen=True)
class Unit:
    """A vårdcentral."""

    hsa_id: str
    name: str


@dataclass(frozen=True)
class Doctor:
    """A person in KiV with one employment. `last_day`: its end."""

    hsa_id: str
    given_name: str
    surname: str
    unit: Unit
    position: str
    title: str
    last_day: date | None = None

    @property
    def name(self) -> str:
        """As 1177 shows it (P6)."""
        return f"{self.given_name} {self.surname}"


@dataclass
class Resident:
    """One who is listed; `number` stands in for the personnummer wherever that must not stand (D1)."""

    number: int
    patient_id: str = field(repr=False)
    unit: Unit
    sequence: int = 1


@dataclass
class Region:
    """All of it, as it is at present: the acts change it as they tell it on."""

    units: list[Unit]
    doctors: list[Doctor]
    residents: list[Resident]

    def doctors_at(self, unit: Unit) -> list[Doctor]:
        """Those employed there."""
        return [doctor for doctor in self.doctors if doctor.unit == unit]

    def listed_at(self, unit: Unit) -> list[Resident]:
        """Those who have chosen it."""
        return [resident for resident in self.residents if resident.unit == unit]

    def change(self, doctor: Doctor, **news: Any) -> Doctor:
        """The doctor with news, which takes the old one's place."""
        changed = replace(doctor, **news)
        self.doctors[self.doctors.index(doctor)] = changed
        return changed


def region() -> Region:
    """20 vårdcentraler, 120 doctors, 20 000 residents."""
    rng = Random(1177)  # noqa: S311  # a story, no secret
    units = [Unit(f"SE2321000131-E{712 + 29 * place:012}", name) for place, name in enumerate(UNITS)]
    doctors = list(_doctors(rng, units))
    ids = _personnummer(rng)
    at = [unit for unit, count in zip(units, _LISTED, strict=False) for _ in range(count)]
    others = units[len(_LISTED) :]
    at += [others[place % len(others)] for place in range(RESIDENTS - len(at))]
    return Region(units, doctors, [Resident(number, next(ids), unit) for number, unit in enumerate(at, 1)])


def _doctors(rng: Random, units: list[Unit]) -> Iterator[Doctor]:
    names = [(given_name, surname) for given_name in _GIVEN for surname in _SURNAMES]
    for place, (given_name, surname) in enumerate(rng.sample(names, len(units) * DOCTORS_EACH)):
        position, title = _POSITIONS[place % len(_POSITIONS)]
        unit = units[place // DOCTORS_EACH]
        yield Doctor(f"SE2321000131-E{7600 + place:012}", given_name, surname, unit, position, title)


def _personnummer(rng: Random) -> Iterator[str]:
    """Ids out of the series that the tax agency keeps for test persons, each once."""
    days = list(range((date(2025, 12, 31) - date(1930, 1, 1)).days))
    rng.shuffle(days)
    for day in days:
        born = date(1930, 1, 1) + timedelta(day)
        yield with_check_digit(f"{born:%Y%m%d}{rng.choice((238, 239))}")


def with_check_digit(eleven: str) -> str:
    """The personnummer that begins with these eleven digits."""
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(eleven[2:]))
    return f"{eleven}{-sum(sum(divmod(number, 10)) for number in doubled) % 10}"
