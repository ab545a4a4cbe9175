"""Two transactions that both found a row missing: the second to save never overwrites the first (architecture.md).

Each test is named after the anomaly that would follow (Berenson et al., A Critique of ANSI SQL Isolation Levels).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from handlers.world.changes import Outcome
from infra.error_kinds import is_transient
from infra.errors import ConcurrentInsert
from schemas.command import ImportLinks
from schemas.listing import ListingState, PatientIdChanged
from schemas.staff import StaffState
from tests.harness.waiting import until
from tests.infra.postgres.attempts import KEYS, Attempt, Begin, attempts
from workers.routes import ROUTES

DOCTOR, UNIT = "SE2321000131-E000000007623", "SE2321000131-E000000000712"
OLD, NEW = "199006022397", "199006022389"
LISTINGS, COMMANDS, STAFF = (ROUTES[name].handlers for name in ("listing", "command", "staff"))


@pytest.fixture
async def begin(migrated_url: str) -> AsyncIterator[Begin]:
    async with attempts(migrated_url) as made:
        yield made


def staff(version: int, name: str) -> StaffState:
    return StaffState(hsa_id=DOCTOR, version=version, given_name=name, surname="Karlström")


def listing(patient: str, sequence: int, *, protected: bool = False) -> ListingState:
    return ListingState(patient_id=patient, sequence=sequence, protected=protected)


def rekeyed(sequence: int) -> PatientIdChanged:
    return PatientIdChanged(patient_id=OLD, new_patient_id=NEW, sequence=sequence)


def part(number: int) -> ImportLinks:
    actor = {"id": "annsv4", "role": "VC-chef", "unit_hsa_id": UNIT}
    row = {"row": number, "patient_id": OLD, "unit_hsa_id": UNIT, "doctor_hsa_id": DOCTOR}
    return ImportLinks.model_validate(
        {"unit_hsa_id": UNIT, "actor": actor, "import_id": "a", "part": number, "parts": 2, "rows": [row]}
    )


async def second_fails(first: Attempt, second: Attempt) -> None:
    """The first saves while the second waits for nothing; the second is refused, and may be tried again."""
    await first.save()
    with pytest.raises(ConcurrentInsert) as error:
        await second.save()
    assert is_transient(error.value)
    await second.roll_back()


async def test_lost_update_of_an_unknown_doctor_is_refused_and_the_later_version_stays(begin: Begin) -> None:
    first, second = await begin(), await begin()
    await first.decide(STAFF, staff(2, "Jon"))
    await second.decide(STAFF, staff(1, "Johan"))
    await second_fails(first, second)
    again = await begin()
    assert await again.decide(STAFF, staff(1, "Johan")) == [Outcome.STALE]
    assert again.world.doctors[DOCTOR].name == "Jon Karlström"


async def test_dirty_write_of_an_unknown_doctor_waits_until_the_first_insert_has_ended(begin: Begin) -> None:
    first, second = await begin(), await begin()
    await first.decide(STAFF, staff(2, "Jon"))
    await second.decide(STAFF, staff(1, "Johan"))
    await first.write()
    waiting = asyncio.create_task(second.save())
    await locked(await begin(), second)
    await first.commit()
    with pytest.raises(ConcurrentInsert):
        await waiting


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (listing(NEW, 5), listing(NEW, 6)),
        (listing(NEW, 5), listing(NEW, 6, protected=True)),
        (listing(NEW, 5, protected=True), listing(NEW, 6, protected=True)),
        (listing(NEW, 5), rekeyed(3)),
        (listing(NEW, 5, protected=True), rekeyed(3)),
    ],
    ids=["both listed", "listed, protected", "both protected", "listed, new id", "protected, new id"],
)
async def test_lost_update_of_an_unknown_patient_is_decided_again(
    begin: Begin, one: Any, other: Any, order: int
) -> None:
    events = (one, other)[:: -1 if order else 1]
    first, second = await begin(), await begin()
    await first.decide(LISTINGS, events[0])
    await second.decide(LISTINGS, events[1])
    await second_fails(first, second)
    again = await begin()
    await again.decide(LISTINGS, events[1])
    await again.save()
    assert await held_twice(await begin()) == 0


async def test_write_skew_between_a_protected_patient_and_a_new_id_is_refused(begin: Begin) -> None:
    known = await begin()
    await known.decide(LISTINGS, listing(OLD, 1))
    await known.save()
    first, second = await begin(), await begin()
    await first.decide(LISTINGS, listing(NEW, 5, protected=True))
    await second.decide(LISTINGS, rekeyed(3))
    await second_fails(first, second)
    again = await begin()
    await again.decide(LISTINGS, rekeyed(3))
    await again.save()
    last = await begin()
    assert await last.decide(LISTINGS, listing(NEW, 5)) == [Outcome.SKIPPED]


async def test_phantom_of_a_patient_that_comes_back_is_refused(begin: Begin) -> None:
    known = await begin()
    await known.decide(LISTINGS, listing(NEW, 5, protected=True))
    await known.save()
    first, second = await begin(), await begin()
    await first.decide(LISTINGS, listing(NEW, 6))
    second_decision = asyncio.create_task(second.decide(LISTINGS, listing(NEW, 7, protected=True)))
    await locked(await begin(), second)
    await first.save()
    await second_decision  # the mark is gone, and the row was looked for before it was there
    with pytest.raises(ConcurrentInsert):
        await second.save()


async def test_write_skew_between_two_parts_of_an_import_is_refused_and_both_arrive(begin: Begin) -> None:
    first, second = await begin(), await begin()
    assert await first.decide(COMMANDS, part(1)) == [Outcome.WAITING]
    assert await second.decide(COMMANDS, part(2)) == [Outcome.WAITING]
    await second_fails(first, second)
    again = await begin()
    assert await again.decide(COMMANDS, part(2)) == [Outcome.REFUSED]  # all are there, so it is judged


async def test_known_doctors_and_patients_are_locked_and_have_no_anomaly(begin: Begin) -> None:
    known = await begin()
    await known.decide(STAFF, staff(1, "Jon"))
    await known.decide(LISTINGS, listing(OLD, 1))
    await known.save()
    again = await begin()
    assert await again.decide(STAFF, staff(2, "Johan")) == [Outcome.APPLIED]
    assert await again.decide(LISTINGS, listing(OLD, 2)) == [Outcome.APPLIED]
    assert not again.loader.unknown_doctors
    await again.save()


async def held_twice(attempt: Attempt) -> int:
    """Patients with a row who count as forgotten as well."""
    number: int = await attempt.pg.fetchval("SELECT count(*) FROM patient JOIN forgotten USING (key)")
    assert KEYS.key(int(NEW)) in {
        row[0] for row in await attempt.pg.fetch("SELECT key FROM patient UNION SELECT key FROM forgotten")
    }
    return number


async def locked(watcher: Attempt, waiter: Attempt) -> None:
    """Returns once the waiter waits for a lock."""
    query, pid = "SELECT cardinality(pg_blocking_pids($1)) > 0", waiter.pg.get_server_pid()
    await until(lambda: watcher.pg.fetchval(query, pid), what="a lock to be waited for")
