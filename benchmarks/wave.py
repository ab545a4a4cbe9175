"""The relisting wave: linked patients, two listing events each, most of them to another unit (docs/testing.md)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import asyncpg
import orjson

from handlers.world.changes import Pair
from infra.patient_keys import PatientKeys
from schemas.ids import PatientKind, patient_kind

UNITS = [f"SE2321000131-E{100_000 + n:012d}" for n in range(200)]
DOCTORS_PER_UNIT = 5
FIRST_DAY = date(2026, 1, 1)
_PATIENT = (
    *("id", "key", "partition", "sequence", "revision", "announced"),
    *("current_unit", "current_from", "upcoming_unit", "upcoming_from", "care_burden", "next_due"),
)


@dataclass(frozen=True)
class Workload:
    """`patients` linked patients, `events` listing events, a `share` of which names another unit than the link's."""

    patients: int = 200_000
    events: int = 400_000
    share: float = 0.6
    partitions: int = 12


def personnummer(count: int) -> list[str]:
    """Test numbers of the tax agency's series (birth numbers 238x and 239x), two a day, so the days go far back."""
    found: list[str] = []
    day = date(2025, 12, 31)
    while len(found) < count:
        for birth in range(2380, 2400):
            text = f"{day.year:04d}{day:%m%d}{birth}"
            if patient_kind(text) is PatientKind.PERSONNUMMER:
                found.append(text)
        day -= timedelta(days=1)
    return found[:count]


def home(number: int) -> Pair:
    """The unit and doctor of the n-th patient."""
    unit = UNITS[number % len(UNITS)]
    return Pair(unit, f"SE2321000131-P{number % (len(UNITS) * DOCTORS_PER_UNIT):012d}")


def events(wave: Workload) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of every event, in an order of its own; the same at every run."""
    rng = random.Random(20_260_526)
    patients = personnummer(wave.patients)
    order = [n % wave.patients for n in range(wave.events)]
    rng.shuffle(order)
    sequences = [1] * wave.patients
    for number in order:
        sequences[number] += 1
        unit = home(number).unit
        if rng.random() < wave.share:
            unit = UNITS[(number + 1 + rng.randrange(len(UNITS) - 1)) % len(UNITS)]
        value = {
            "patient_id": patients[number],
            "sequence": sequences[number],
            "protected": False,
            "current": {"unit_hsa_id": unit, "valid_from": "2026-05-26", "reason": "Aktivt val på vårdcentral"},
            "upcoming": None,
            "care_burden": 1.37,
        }
        yield b"%d" % number, orjson.dumps(value)


def ended_links(wave: Workload) -> int:
    """How many links the wave ends: those of patients whom any event lists at another unit."""
    away = set()
    for key, value in events(wave):
        if orjson.loads(value)["current"]["unit_hsa_id"] != home(int(key)).unit:
            away.add(key)
    return len(away)


async def seed(pg: asyncpg.Connection, wave: Workload, keys: PatientKeys) -> None:
    """The state before the wave, written to the tables as the service would have left it."""
    await pg.execute("UPDATE day SET day = $1", FIRST_DAY)
    patients = []
    links = []
    for number, text in enumerate(personnummer(wave.patients)):
        pair = home(number)
        key = keys.key(int(text))
        row = (int(text), key, keys.partition(key), 1, 1, True, pair.unit, FIRST_DAY, None, None, 1.37, None)
        patients.append(row)
        links.append((int(text), pair.unit, pair.doctor, FIRST_DAY))
    await pg.copy_records_to_table("patient", records=patients, columns=_PATIENT)
    await pg.copy_records_to_table("link", records=links, columns=("patient_id", "unit", "doctor", "start_day"))
    await pg.execute("VACUUM (ANALYZE) patient")
    await pg.execute("VACUUM (ANALYZE) link")
    await pg.execute("CHECKPOINT")
