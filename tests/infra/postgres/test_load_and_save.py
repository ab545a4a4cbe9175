"""What a decision changed comes back from the tables as it was, and rows are locked in one order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta

import pytest

from handlers.world import (
    Absence,
    Choice,
    Doctor,
    Employment,
    Forgotten,
    Import,
    ImportPart,
    Link,
    Patient,
    Pause,
    Profile,
    RosterEntry,
    Row,
    Unit,
)
from handlers.world.changes import AuditEntry, DoctorChange, LinkChange, Pair, Place
from infra.errors import BatchTooLarge, LockOrderViolation
from infra.postgres.reference_data import ReferenceData
from infra.version import version
from tests.infra.postgres.attempts import KEYS, NOON, TODAY, Begin, attempts, cause

DOCTOR, UNIT = "SE2321000131-E000000007623", "SE2321000131-E000000000712"
PAIR = Pair(UNIT, DOCTOR)
BUSY = {"unavailable_because": ["paused", "absent"]}
PATIENTS = (199006022389, 199006022397)
TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture
async def begin(migrated_url: str) -> AsyncIterator[Begin]:
    async with attempts(migrated_url) as made:
        yield made


def doctor(hsa_id: str = DOCTOR) -> Doctor:
    away = (Absence(date(2026, 7, 1), date(2026, 8, 15)), Absence(None, TOMORROW))
    posts = (
        Employment(UNIT, "202010", "Geriatriker", date(2023, 11, 5), None, away),
        Employment("X", None, None, None, None),
    )
    return Doctor(hsa_id, 3, False, False, NOON, "jonka3", "Jon Karlström", True, posts)


def patient(id: int, **fields: object) -> Patient:
    key = KEYS.key(id)
    one = Patient(id, key, KEYS.partition(key), 1, is_persisted=False)
    for name, value in fields.items():
        setattr(one, name, value)
    return one


async def saved(begin: Begin, *patients: Patient, doctors: tuple[Doctor, ...] = ()) -> None:
    attempt = await begin()
    for one in doctors:
        attempt.world.add_doctor(one)
        attempt.world.changes.doctors.add(one.hsa_id)
    for another in patients:
        attempt.world.add_patient(another)
        attempt.world.changes.patients.add(another.id)
    await attempt.save()


async def test_a_doctor_comes_back_as_it_was(begin: Begin) -> None:
    await saved(begin, doctors=(doctor(),))
    attempt = await begin()
    assert (await attempt.load(doctors={DOCTOR})).doctors == {DOCTOR: doctor()}
    due = await attempt.pg.fetchval("SELECT next_due FROM doctor")
    assert due == date(2026, 5, 28)  # the day after the absence that ends tomorrow


@pytest.mark.parametrize("published", [None, {"a": [1, "å"]}])
@pytest.mark.parametrize("pause", [None, Pause(TODAY, None), Pause(TODAY, TOMORROW)])
async def test_a_roster_entry_comes_back_with_its_doctor(
    begin: Begin, pause: Pause | None, published: dict[str, object] | None
) -> None:
    profile = Profile(80, "ST", "geriatrik", True, "äldre", 1800, 18, 130)
    entry = RosterEntry(PAIR, True, True, pause, profile, published, 4)
    first = await begin()
    first.world.add_doctor(doctor())
    first.world.add_entry(entry)
    first.world.changes.doctors.add(DOCTOR)
    first.world.changes.entries.add(PAIR)
    await first.save()
    by_doctor, by_unit = await begin(), await begin()
    assert (await by_doctor.load(doctors={DOCTOR})).roster == {PAIR: entry}
    await by_doctor.roll_back()
    assert (await by_unit.load(roster_of={UNIT})).roster == {PAIR: entry}


async def test_a_patient_comes_back_as_they_were(begin: Begin) -> None:
    link = Link(UNIT, DOCTOR, TODAY)
    stored = patient(
        PATIENTS[0],
        sequence=2**62,
        revision=7,
        announced=True,
        current=Choice(UNIT, TODAY),
        upcoming=Choice("X", TOMORROW),
        care_burden=1.37,
        link=link,
        due=TOMORROW,
    )
    await saved(begin, stored, doctors=(doctor(),))
    attempt = await begin()
    stored.is_persisted, stored.original_link = True, link
    assert (await attempt.load(patients=set(PATIENTS))).patients == {stored.id: stored}


async def test_a_new_patient_is_made_only_where_that_is_asked_for(begin: Begin) -> None:
    attempt = await begin()
    assert (await attempt.load(patients={PATIENTS[0]})).patients == {}
    made = (await attempt.load(new_patients={PATIENTS[1]})).patients[PATIENTS[1]]
    assert (made.is_persisted, made.sequence, made.key) == (False, None, KEYS.key(PATIENTS[1]))


@pytest.mark.parametrize("why", list(Forgotten))
async def test_of_a_forgotten_patient_key_sequence_and_revision_are_all_that_stays(
    begin: Begin, why: Forgotten
) -> None:
    await saved(begin, patient(PATIENTS[0], current=Choice(UNIT, TODAY), link=Link(UNIT, DOCTOR, TODAY), revision=3))
    gone = await begin()
    stored = (await gone.load(patients={PATIENTS[0]})).patients[PATIENTS[0]]
    stored.forgotten, stored.link = why, None
    gone.world.changes.patients.add(stored.id)
    await gone.save()
    last = await begin()
    assert (await last.load(patients={PATIENTS[0]})).patients == {}
    back = (await last.load(new_patients={PATIENTS[0]})).patients[PATIENTS[0]]
    assert (back.forgotten, back.sequence, back.revision, back.is_persisted) == (why, 1, 3, False)
    assert await last.pg.fetchval("SELECT count(*) FROM patient") == 0
    assert await last.pg.fetchval("SELECT count(*) FROM link") == 0


async def test_an_import_comes_back_with_its_parts_and_their_rows_when_asked_for(begin: Begin) -> None:
    key = (UNIT, "a")
    rows = [Row(1, "any text", UNIT, DOCTOR, None), Row(2, "", "", "", "2026-05-26")]
    who = cause("9", correlation_id="c", actor="annsv4", role="VC-chef")
    stored = Import(*key, TODAY, {2: ImportPart(2, 3, 1, UNIT.lower(), who, rows)})
    first = await begin()
    first.world.imports[key] = stored
    first.world.changes.imports.add(key)
    await first.save()
    attempt = await begin()
    found = (await attempt.load(imports={key})).imports[key]
    assert (found.first_day, found.parts[2].cause, found.parts[2].rows) == (TODAY, who, None)
    await attempt.load(import_rows={key})
    assert found == stored


async def test_an_answered_import_keeps_no_rows(begin: Begin) -> None:
    key = (UNIT, "a")
    first = await begin()
    first.world.imports[key] = Import(*key, TODAY, {1: ImportPart(1, 2, 1, UNIT, cause(), [])})
    first.world.changes.imports.add(key)
    await first.save()
    second = await begin()
    await second.load(imports={key})
    second.world.imports[key] = Import(*key, TODAY, answered_by=("s", "i"))
    second.world.changes.imports.add(key)
    await second.save()
    last = await begin()
    assert (await last.load(imports={key})).imports[key].answered_by == ("s", "i")
    assert await last.pg.fetchval("SELECT count(*) FROM import_part") == 0


async def test_a_unit_is_seen_by_every_process_after_the_commit(begin: Begin) -> None:
    unit = Unit(UNIT, 1, False, NOON, "Majorna", "vardcentral", "G", TOMORROW, "X", TODAY)
    first, second = await begin(exclusive=True), await begin()
    first.world.units[UNIT] = unit
    first.world.changes.units.add(UNIT)
    await first.save()
    reference_data = ReferenceData()
    await reference_data.enter(second.pg, exclusive=False)
    assert reference_data.units == {UNIT: unit}


async def test_counts_are_of_what_is_linked_and_nothing_is_zero(begin: Begin) -> None:
    await saved(begin, *(patient(id, link=Link(UNIT, DOCTOR, TODAY)) for id in PATIENTS))
    attempt = await begin()
    world = await attempt.load(counts={PAIR, Pair("X", DOCTOR)})
    assert world.stored_counts == {PAIR: 2, Pair("X", DOCTOR): 0}


async def test_the_patients_of_a_doctor_or_unit_are_all_loaded(begin: Begin) -> None:
    await saved(begin, *(patient(id, link=Link(UNIT, DOCTOR, TODAY)) for id in PATIENTS))
    by_doctor, by_unit = await begin(), await begin()
    assert (await by_doctor.load(links_of_doctor={DOCTOR})).patients.keys() == set(PATIENTS)
    await by_doctor.roll_back()
    assert (await by_unit.load(links_of_unit={UNIT})).patients.keys() == set(PATIENTS)


async def test_only_who_lacks_a_doctor_at_the_unit_is_looked_at(begin: Begin) -> None:
    listed = Choice(UNIT, TODAY)
    linked = patient(PATIENTS[0], current=listed, link=Link(UNIT, DOCTOR, TODAY))
    await saved(begin, linked, patient(PATIENTS[1], upcoming=listed))
    attempt = await begin()
    assert (await attempt.load(unlinked_at={UNIT})).patients.keys() == {PATIENTS[1]}


async def test_doctors_after_patients_begin_again(begin: Begin) -> None:
    attempt = await begin()
    await attempt.load(new_patients={PATIENTS[0]})
    with pytest.raises(LockOrderViolation):
        await attempt.load(doctors={DOCTOR})


async def test_keys_before_those_that_are_locked_begin_again(begin: Begin) -> None:
    attempt = await begin()
    await attempt.load(doctors={"B"}, new_patients={PATIENTS[1]})
    with pytest.raises(LockOrderViolation):
        await attempt.load(new_patients={PATIENTS[0]})
    other = await begin()
    await other.load(doctors={"B"})
    with pytest.raises(LockOrderViolation):
        await other.load(doctors={"A"})


async def test_whoever_is_alone_needs_no_order(begin: Begin) -> None:
    attempt = await begin(exclusive=True)
    await attempt.load(new_patients={PATIENTS[1]})
    await attempt.load(doctors={DOCTOR}, new_patients={PATIENTS[0]})
    assert attempt.world.patients.keys() == set(PATIENTS)


async def test_what_is_loaded_is_locked(begin: Begin) -> None:
    await saved(begin, patient(PATIENTS[0]), doctors=(doctor(),))
    first, second = await begin(), await begin()
    await first.load(doctors={DOCTOR}, patients={PATIENTS[0]})
    for table in ("doctor", "patient"):
        assert await second.pg.fetch(f"SELECT FROM {table} FOR UPDATE SKIP LOCKED") == []


async def test_too_many_patients_for_one_transaction_are_refused(begin: Begin) -> None:
    attempt = await begin(most_patients=2)
    await attempt.load(new_patients=set(PATIENTS))
    with pytest.raises(BatchTooLarge):
        await attempt.load(new_patients={199106022396})


async def test_c7_the_audit_trail_tells_where_a_ceiling_was_overridden(begin: Begin) -> None:
    attempt = await begin()
    change = LinkChange(PATIENTS[0], "k", 0, 1, "assigned", "linked_by_unit", UNIT, DOCTOR, {}, cause())
    attempt.world.changes.records += [
        replace(change, override=True),
        change,
        AuditEntry("link-patient", "done", UNIT, DOCTOR, PATIENTS[0], cause()),
    ]
    await attempt.save()
    rows = await (await begin()).pg.fetch("SELECT override FROM audit ORDER BY id")
    assert [row[0] for row in rows] == [True, False, False]


async def test_links_and_notes_leave_a_row_in_the_audit_trail(begin: Begin) -> None:
    attempt = await begin()
    who = cause("9", actor="annsv4", role="VC-chef", topic="listning.command.v1", place=Place(3, 70))
    change = LinkChange(PATIENTS[0], "k", 0, 3, "assigned", "linked_by_unit", UNIT, DOCTOR, {}, who)
    told = [DoctorChange(Pair(UNIT, DOCTOR), n, payload, cause()) for n, payload in ((7, BUSY), (8, None))]
    attempt.world.changes.records += [change, AuditEntry("pause-doctor", "done", UNIT, DOCTOR, None, cause()), *told]
    await attempt.save()
    rows = await (await begin()).pg.fetch(
        "SELECT at, what, reason, rule, unit, doctor, patient_id, revision, source, message_id, actor, role, topic,"
        " partition, record_offset, release FROM audit ORDER BY id"
    )
    about, release = (UNIT, DOCTOR), version()
    of_record = ("test", "9", "annsv4", "VC-chef", "listning.command.v1", 3, 70, release)
    of_none = ("test", "1", None, None, None, None, None, release)
    assert [tuple(row) for row in rows] == [
        (NOON, "assigned", "linked_by_unit", "C7", *about, PATIENTS[0], 3, *of_record),
        (NOON, "pause-doctor", "done", "C5", *about, None, None, *of_none),
        (NOON, "doctor_published", "paused, absent", "S1", *about, None, 7, *of_none),
        (NOON, "doctor_withdrawn", "gone", "S1", *about, None, 8, *of_none),
    ]
