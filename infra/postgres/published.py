"""What 1177 must know, by patient key: every link as it stands, and the last revision published of every key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg

_LINKS = """
SELECT patient.key, patient.revision, link.unit, unit.name AS unit_name, link.doctor, doctor.name AS doctor_name,
       link.start_day
FROM link JOIN patient ON patient.id = link.patient_id
LEFT JOIN unit ON unit.hsa_id = link.unit LEFT JOIN doctor ON doctor.hsa_id = link.doctor
"""
_REVISIONS = """
SELECT key, revision FROM patient WHERE revision > 0 UNION ALL SELECT key, revision FROM forgotten WHERE revision > 0
"""

#: a link's columns, in the order in which `Published.links` has them, each as text
LINK_COLUMNS = ("unit", "unit_name", "doctor", "doctor_name", "start_day")

LinkRow = tuple[str | None, ...]


@dataclass(frozen=True)
class Published:
    """By patient key the last revision published and the link where there is one; `patients` is the number of rows."""

    revisions: Mapping[str, int]
    links: Mapping[str, LinkRow]
    patients: int


async def read_published(pg: asyncpg.Connection) -> Published:
    """Everything, in one snapshot."""
    async with pg.transaction(isolation="repeatable_read", readonly=True):
        rows = await pg.fetch(_LINKS)
        revisions = dict(await pg.fetch(_REVISIONS))
        patients = await pg.fetchval("SELECT count(*) FROM patient")
    return Published(revisions, {row["key"]: tuple(str(row[name]) for name in LINK_COLUMNS) for row in rows}, patients)


async def count_links(pg: asyncpg.Connection) -> int:
    """How many patients have a link now."""
    count: int = await pg.fetchval("SELECT count(*) FROM link")
    return count


async def read_forgotten(pg: asyncpg.Connection, key: str) -> dict[str, Any]:
    """All that is kept of a patient who is protected or known under another id (L7, L9); empty for others."""
    return dict(await pg.fetchrow("SELECT * FROM forgotten WHERE key = $1", key) or {})
