"""The audit trail: who, which patient, which unit, when, what; it is only ever added to (D4)."""

from __future__ import annotations

from collections.abc import Iterable

import asyncpg

from handlers.world.changes import AuditEntry, ChangeRecord, LinkChange
from infra.postgres.inserts import refuse_nulls

_COLUMNS = ("at", "what", "reason", "unit", "doctor", "patient_id", "revision", "source", "message_id", "actor", "role")


async def write(pg: asyncpg.Connection, changes: Iterable[ChangeRecord]) -> None:
    """A row for every change of a link, and for what was noted beside them."""
    records = []
    for change in changes:
        what: str
        if isinstance(change, LinkChange):
            what, revision = change.change, change.revision
        elif isinstance(change, AuditEntry):
            what, revision = change.what, None
        else:
            continue
        cause = change.cause
        about = (change.reason, change.unit, change.doctor, change.patient_id, revision)
        records.append((cause.time, what, *about, cause.source, cause.id, cause.actor, cause.role))
    if records:
        columns = dict(zip(_COLUMNS, zip(*records, strict=True), strict=True))
        refuse_nulls("audit", **{name: columns[name] for name in ("at", "what", "reason", "source", "message_id")})
        await pg.copy_records_to_table("audit", records=records, columns=_COLUMNS)
