"""What is held and what the audit trail says of one patient, and of one doctor at a unit: all that an explanation is
made of. Nothing is locked and nothing changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

import asyncpg

from handlers.world import Doctor, RosterEntry, Unit
from handlers.world.changes import Pair
from infra.postgres import rows
from infra.postgres.audit import ACCESS
from infra.postgres.day import Day, read_day
from infra.postgres.reference_data import ReferenceData
from infra.postgres.statistics import current_statistics
from schemas.topics import LISTNING_COMMAND

_PATIENT = """
SELECT id, key, sequence, revision, announced, current_unit, current_from, upcoming_unit, upcoming_from, fact_partition,
    fact_offset, link.unit, link.doctor, link.start_day
FROM patient LEFT JOIN link ON patient_id = id
"""
_PATIENT_BY_ID = f"{_PATIENT} WHERE id = $1"
_PATIENT_BY_KEY = f"{_PATIENT} WHERE key = $1 AND key <> ''"
_FORGOTTEN = "SELECT sequence, revision, reason FROM forgotten WHERE key = $1"
_AUDIT = """
SELECT id, at, what, reason, rule, unit, doctor, revision, source, message_id, actor, role, topic, partition,
    record_offset, release, run, written_at
FROM audit
"""
_TRAIL_OF_PATIENT = f"{_AUDIT} WHERE patient_id = $1 AND what <> $2"
# The two halves of the condition are those that the index on (doctor, unit) finds.
_ANSWERS = f"""
{_AUDIT} WHERE patient_id IS NULL AND (source, message_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))
    AND unit = ANY($3) AND (doctor = ANY($4) OR doctor IS NULL) AND revision IS NULL
"""
_TRAIL_OF_DOCTOR = f"{_AUDIT} WHERE patient_id IS NULL AND doctor = $1 AND unit = $2 ORDER BY id"
_DOCTOR = """
SELECT hsa_id, version, removed, protected, fact_at, vgr_id, name, licensed, employments, last_revision, fact_partition,
    fact_offset
FROM doctor WHERE hsa_id = $1
"""
_ENTRY = """
SELECT unit, doctor, activated, active, pause_start, pause_end, profile, published, revision
FROM roster WHERE doctor = $1 AND unit = $2
"""


class AuditRow(NamedTuple):
    """A row of the audit trail, without the patient; `at` is its cause's own time, `written_at` the database's."""

    id: int
    at: datetime
    what: str
    reason: str
    rule: str
    unit: str | None
    doctor: str | None
    revision: int | None
    source: str
    message_id: str
    actor: str | None
    role: str | None
    topic: str | None
    partition: int | None
    offset: int | None
    release: str
    run: str | None
    written_at: datetime


class PatientRow(NamedTuple):
    """What is held of a patient and their link, without the personnummer."""

    key: str
    sequence: int
    revision: int
    announced: bool
    current_unit: str | None
    current_from: date | None
    upcoming_unit: str | None
    upcoming_from: date | None
    fact_partition: int | None
    fact_offset: int | None
    link_unit: str | None
    link_doctor: str | None
    start: date | None


class ForgottenRow(NamedTuple):
    """All that is kept of a patient who is protected or known under another id (L7, L9)."""

    sequence: int
    revision: int
    reason: str


@dataclass(frozen=True)
class PatientHistory:
    """One patient in one snapshot of the database: at most one of `held` and `forgotten` is there. `now` is the time
    of the snapshot."""

    key: str
    held: PatientRow | None
    forgotten: ForgottenRow | None
    trail: tuple[AuditRow, ...]
    day: date | None
    now: datetime


@dataclass(frozen=True)
class DoctorHistory:
    """A doctor at a unit in one snapshot, with every unit, for an id may mean another one (S9)."""

    pair: Pair
    person: Doctor | None
    entry: RosterEntry | None
    units: dict[str, Unit]
    patients: int
    trail: tuple[AuditRow, ...]
    day: Day
    now: datetime


async def read_patient(pg: asyncpg.Connection, key: str, patient_id: int | None = None) -> PatientHistory:
    """Of a patient. Without `patient_id` only what the key leads to is found: of one who was forgotten no trail."""
    async with _snapshot(pg):
        found = await pg.fetchrow(*((_PATIENT_BY_KEY, key) if patient_id is None else (_PATIENT_BY_ID, patient_id)))
        forgotten = None if found else await pg.fetchrow(_FORGOTTEN, key)
        number: int | None = found[0] if found else patient_id
        trail = [] if number is None else await _trail(pg, number)
        return PatientHistory(
            key,
            PatientRow(*list(found)[1:]) if found else None,
            ForgottenRow(*forgotten) if forgotten else None,
            tuple(trail),
            (await read_day(pg)).day,
            await pg.fetchval("SELECT now()"),
        )


async def read_doctor(pg: asyncpg.Connection, pair: Pair) -> DoctorHistory:
    """Of a doctor at a unit."""
    async with _snapshot(pg):
        person = await pg.fetchrow(_DOCTOR, pair.doctor)
        entry = await pg.fetchrow(_ENTRY, pair.doctor, pair.unit)
        reference = ReferenceData()
        day = await reference.read(pg)
        return DoctorHistory(
            pair,
            rows.doctor(person) if person else None,
            rows.entry(entry) if entry else None,
            reference.units,
            (await current_statistics(pg, [pair]))[pair].listed_patients,
            tuple(AuditRow(*row) for row in await pg.fetch(_TRAIL_OF_DOCTOR, pair.doctor, pair.unit)),
            day,
            await pg.fetchval("SELECT now()"),
        )


async def _trail(pg: asyncpg.Connection, patient_id: int) -> list[AuditRow]:
    """The patient's rows, and those of the commands that did something to many patients at once, this one among them:
    they name no patient."""
    own = [AuditRow(*row) for row in await pg.fetch(_TRAIL_OF_PATIENT, patient_id, ACCESS)]
    caused = [row for row in own if row.topic == LISTNING_COMMAND and row.revision is not None]
    answers = await pg.fetch(
        _ANSWERS,
        [row.source for row in caused],
        [row.message_id for row in caused],
        [row.unit for row in caused],
        [row.doctor for row in caused],
    )
    return sorted({*own, *(AuditRow(*row) for row in answers)})


@asynccontextmanager
async def _snapshot(pg: asyncpg.Connection) -> AsyncIterator[Any]:
    async with pg.transaction(isolation="repeatable_read", readonly=True):
        yield
