"""The revisions that keys of the output topics have come to, under the locks that every change of them takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import asyncpg

from schemas.topics import FAST_LAKARKONTAKT, LISTNING_DOCTOR

_LOCK = " FOR UPDATE"
_PATIENTS = "SELECT key, revision FROM patient WHERE key = ANY($1) AND key <> '' ORDER BY id"
_FORGOTTEN = "SELECT key, revision FROM forgotten WHERE key = ANY($1) ORDER BY key"
_DOCTORS = "SELECT hsa_id, last_revision FROM doctor WHERE hsa_id = ANY($1) ORDER BY hsa_id"
_ROSTER = "SELECT unit || '/' || doctor, revision FROM roster WHERE doctor = ANY($1)"
_WITHDRAWN = {
    FAST_LAKARKONTAKT: """
SELECT key, revision FROM patient
WHERE revision > 0 AND NOT announced AND NOT EXISTS (SELECT FROM link WHERE patient_id = id)
UNION ALL SELECT key, revision FROM forgotten WHERE revision > 0
ORDER BY key
""",
    LISTNING_DOCTOR: """
SELECT unit || '/' || doctor AS key, revision FROM roster
WHERE revision > 0 AND (published IS NULL OR json_typeof(published) = 'null') ORDER BY 1
""",
}


class PairRevisions(NamedTuple):
    """By `unit/doctor` the revision of each pair that is held; by doctor the highest of pairs that are gone."""

    held: dict[str, int]
    gone: dict[str, int]


async def patient_revisions(pg: asyncpg.Connection, keys: Sequence[str], *, lock: bool) -> dict[str, int]:
    """By patient key, of patients who are held or forgotten. With `lock` none of them changes until the transaction
    ends."""
    end = _LOCK if lock else ""
    held = dict(await pg.fetch(_PATIENTS + end, keys))
    return held | dict(await pg.fetch(_FORGOTTEN + end, [key for key in keys if key not in held]))


async def pair_revisions(pg: asyncpg.Connection, doctors: Sequence[str], *, lock: bool) -> PairRevisions:
    """Of all pairs of the doctors. With `lock` none of them changes until the transaction ends."""
    gone = dict(await pg.fetch(_DOCTORS + (_LOCK if lock else ""), doctors))
    return PairRevisions(dict(await pg.fetch(_ROSTER, doctors)), gone)


async def withdrawn(pg: asyncpg.Connection, topic: str) -> list[tuple[str, int]]:
    """The keys of the output topic whose newest record is a null value, and their revisions, in the order of the keys.
    Of a protected doctor it is not known where they were."""
    return [(key, revision) for key, revision in await pg.fetch(_WITHDRAWN[topic])]
