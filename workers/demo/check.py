"""The end of the story: what 1177 knows, held against the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg

from workers.demo.listener import Event

_LINKS = """
SELECT patient.key, patient.revision, link.unit, unit.name AS unit_name, link.doctor, doctor.name AS doctor_name,
       link.start_day
FROM link JOIN patient ON patient.id = link.patient_id
LEFT JOIN unit ON unit.hsa_id = link.unit LEFT JOIN doctor ON doctor.hsa_id = link.doctor
"""
_REVISIONS = """
SELECT key, revision FROM patient WHERE revision > 0 UNION ALL SELECT key, revision FROM forgotten WHERE revision > 0
"""
_FIELDS = ("unit", "unit_name", "doctor", "doctor_name", "start_day")

Link = tuple[object, ...]


@dataclass(frozen=True)
class Held:
    """What the database holds, by patient key: the last revision told, and the link where there is one."""

    revisions: Mapping[str, int]
    links: Mapping[str, Link]
    patients: int


@dataclass(frozen=True)
class Difference:
    """One patient key on which 1177 and the database disagree. `what` holds no personnummer."""

    key: str
    what: str


async def held(connection: asyncpg.Connection) -> Held:
    """Everything in one snapshot."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        rows = await connection.fetch(_LINKS)
        revisions = dict(await connection.fetch(_REVISIONS))
        patients = await connection.fetchval("SELECT count(*) FROM patient")
    return Held(revisions, {row["key"]: tuple(str(row[name]) for name in _FIELDS) for row in rows}, patients)


def differences(newest: Mapping[str, Event], database: Held) -> list[Difference]:
    """Every key whose newest record is not what the database says it must be; the records' order does not matter."""
    return list(_differences(newest, database))


def _differences(newest: Mapping[str, Event], database: Held) -> Iterable[Difference]:
    for key in sorted(newest.keys() | database.revisions.keys()):
        event, revision = newest.get(key), database.revisions.get(key)
        if event is None:
            yield Difference(key, f"1177 has heard nothing, the database has told revision {revision}")
        elif event.revision != revision:
            yield Difference(key, f"1177 has revision {event.revision}, the database {revision}")
        else:
            for name, said, true in zip(_FIELDS, _link(event.data), database.links.get(key, _NONE), strict=True):
                if said != true:
                    yield Difference(key, f"{name}: 1177 has {said}, the database {true}")


_NONE: Link = (None,) * len(_FIELDS)


def _link(data: Mapping[str, Any] | None) -> Link:
    """The link that a record tells of, in the order of `_FIELDS`."""
    if data is None or data["status"] != "active":
        return _NONE
    unit, doctor = data["unit"], data["doctor"]
    return tuple(map(str, (unit["hsa_id"], unit["name"], doctor["hsa_id"], doctor["name"], data["start"])))
