"""What the contract allows at its edges comes back from PostgreSQL as it was: dates of any year, instants of 1970 to
2999, integers of 64 bits, care burdens (contract.md, Values)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

import pytest

from handlers.world import Absence, Choice, Doctor, Employment, Link, Patient, Pause, Profile, RosterEntry, Unit
from handlers.world.changes import Pair
from infra.postgres.day import Day, next_day, read_day, save_day
from infra.postgres.reference_data import ReferenceData
from infra.postgres.statistics import current_statistics, mark_stale, take_stale
from tests.infra.postgres.attempts import KEYS, Attempt, Begin, attempts, cause

DOCTOR, UNIT = "SE2321000131-E000000007623", "SE2321000131-E000000000712"
PAIR = Pair(UNIT, DOCTOR)
PATIENT = 199006022397
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)

days = pytest.mark.parametrize("day", [date.min, date.max])
instants = pytest.mark.parametrize("at", [EARLIEST, LATEST])
numbers = pytest.mark.parametrize("number", [-(2**63), 2**63 - 1])


@pytest.fixture
async def begin(migrated_url: str) -> AsyncIterator[Begin]:
    async with attempts(migrated_url) as begun:
        yield begun


def patient(id: int = PATIENT, **fields: object) -> Patient:
    key = KEYS.key(id)
    one = Patient(id, key, KEYS.partition(key), 1, is_persisted=False)
    for name, value in fields.items():
        setattr(one, name, value)
    return one


async def save_patients(attempt: Attempt, *patients: Patient) -> None:
    for one in patients:
        attempt.world.add_patient(one)
        attempt.world.changes.patients.add(one.id)
    await attempt.save()


@days
@numbers
async def test_a_patient(begin: Begin, day: date, number: int) -> None:
    choice, link = Choice(UNIT, day), Link(UNIT, DOCTOR, day)
    stored = patient(sequence=number, current=choice, upcoming=choice, care_burden=5e-324, link=link, due=day)
    await save_patients(await begin(), stored)

    stored.is_persisted, stored.original_link = True, link
    assert (await (await begin()).load(patients={PATIENT})).patients == {PATIENT: stored}


@days
@instants
@numbers
async def test_a_doctor_and_roster_entry(begin: Begin, day: date, at: datetime, number: int) -> None:
    posts = (Employment(UNIT, "202010", None, day, day, (Absence(day, day),)),)
    doctor = Doctor(DOCTOR, number, False, False, at, None, "Jon", True, posts)
    entry = RosterEntry(PAIR, True, True, Pause(day, day), Profile(patient_ceiling=2**63 - 1))
    first = await begin()
    first.world.add_doctor(doctor)
    first.world.changes.doctors.add(DOCTOR)
    first.world.add_entry(entry)
    first.world.changes.touch_entry(entry)
    await first.save()

    world = await (await begin()).load(doctors={DOCTOR})

    assert (world.doctors, world.roster) == ({DOCTOR: doctor}, {PAIR: entry})


@days
@instants
@numbers
async def test_a_unit(begin: Begin, day: date, at: datetime, number: int) -> None:
    unit = Unit(UNIT, number, False, at, "Majorna", "vardcentral", None, day, None, day)
    first, second = await begin(exclusive=True), await begin()
    first.world.units[UNIT] = unit
    first.world.changes.units.add(UNIT)
    await first.save()

    units = ReferenceData()
    await units.enter(second.pg, exclusive=False)

    assert units.units == {UNIT: unit}


@instants
async def test_the_cause_of_a_day_and_the_time_since_which_statistics_are_stale(begin: Begin, at: datetime) -> None:
    pg = (await begin()).pg
    day = Day(date(2999, 12, 31), True, cause()._replace(time=at))
    await save_day(pg, day)
    await mark_stale(pg, {PAIR: at})

    assert await read_day(pg) == day
    assert await take_stale(pg, 1) == {PAIR: at}


@pytest.mark.parametrize("end", ["infinity", "9999-12-31"])
async def test_an_end_on_the_last_day_there_is_stops_no_day(begin: Begin, end: str) -> None:
    unit = Unit(UNIT, 1, False, EARLIEST, "Majorna", "vardcentral", None, date.max)
    first = await begin(exclusive=True)
    first.world.units[UNIT] = unit
    first.world.changes.units.add(UNIT)
    await first.save()
    pg = (await begin()).pg
    await pg.execute(f"UPDATE unit SET last_day = '{end}'")

    assert await next_day(pg, date(2026, 5, 26), date(2026, 5, 28)) == date(2026, 5, 28)


async def test_the_heaviest_patients_can_be_added_up(begin: Begin) -> None:
    heavy = [patient(id, care_burden=1_000_000.0, link=Link(UNIT, DOCTOR, date.min)) for id in range(1, 501)]
    await save_patients(await begin(), *heavy)

    statistics = await current_statistics((await begin()).pg, [PAIR])

    assert statistics[PAIR] == (500, 500_000_000.0)
