"""The audit trail: who, which patient, which unit, when, what, and why: the record that caused it, by which rule and in
which release; it is only ever added to (D4)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import asyncpg

from handlers.world.changes import AuditEntry, Cause, ChangeRecord, DoctorChange, LinkChange
from handlers.world.rule_ids import rule_id
from infra.postgres.inserts import refuse_nulls
from infra.provenance import Provenance
from infra.version import version

#: what the row of an access is called; it is no part of what happened to the patient
ACCESS = "explained"
_COLUMNS = (
    *("what", "reason", "rule", "unit", "doctor", "patient_id", "revision"),
    *("at", "source", "message_id", "actor", "role", "topic", "partition", "record_offset", "release"),
    *("override", "run", "run_actor", "run_reason"),
)
_NEVER_NULL = ("what", "reason", "rule", "at", "source", "message_id", "release", "override")


async def write(pg: asyncpg.Connection, changes: Iterable[ChangeRecord], provenance: Provenance | None = None) -> None:
    """A row for every change of a link and of what the doctor topic says, and for what was noted beside them;
    `provenance` where a run caused them."""
    release, run = version(), provenance or (None, None, None)
    records = [
        (*_what(change), *_why(change.cause), release, isinstance(change, LinkChange) and change.override, *run)
        for change in changes
        if isinstance(change, LinkChange | DoctorChange | AuditEntry)
    ]
    if records:
        columns = dict(zip(_COLUMNS, zip(*records, strict=True), strict=True))
        refuse_nulls("audit", **{name: columns[name] for name in _NEVER_NULL})
        await pg.copy_records_to_table("audit", records=records, columns=_COLUMNS)


async def record_access(pg: asyncpg.Connection, patient_id: int, by: Provenance) -> None:
    """A row that says who asked by personnummer for what is known of the patient, and why (D4)."""
    row = {
        "what": ACCESS,
        "reason": "by_personnummer",
        "rule": "D4",
        "patient_id": patient_id,
        "at": datetime.now(UTC),
        "source": "fastlakare",
        "message_id": by.run,
        "release": version(),
        "run": by.run,
        "run_actor": by.actor,
        "run_reason": by.reason,
    }
    refuse_nulls("audit", **{name: [value] for name, value in row.items()})
    await pg.copy_records_to_table("audit", records=[tuple(row.values())], columns=list(row))


def _what(change: LinkChange | DoctorChange | AuditEntry) -> tuple[Any, ...]:
    rule = rule_id(change)
    match change:
        case LinkChange():
            about = change.unit, change.doctor, change.patient_id, change.revision
            return change.change, change.reason, rule, *about
        case DoctorChange():
            what, reason = _availability(change)
            return what, reason, rule, *change.pair, None, change.revision
        case AuditEntry():
            return change.what, change.reason, rule, change.unit, change.doctor, change.patient_id, None


def _availability(change: DoctorChange) -> tuple[str, str]:
    if change.payload is None:
        return "doctor_withdrawn", "gone"
    return "doctor_published", ", ".join(change.payload["unavailable_because"]) or "available"


def _why(cause: Cause) -> tuple[Any, ...]:
    place = cause.place or (None, None)
    return cause.time, cause.source, cause.id, cause.actor, cause.role, cause.topic, *place
