"""Who is held: what a reconcile looks for in the topics (V2)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg

from schemas.topics import KIV_STAFF, KIV_UNIT, VARDVAL_LISTING

#: rows that one answer of the server brings
_ROWS = 5_000
# Those who are removed may be gone from the topic, as what became of their null value is compacted away.
_HELD = {
    KIV_STAFF: "SELECT hsa_id, version FROM doctor WHERE NOT removed",
    KIV_UNIT: "SELECT hsa_id, version FROM unit WHERE NOT removed",
    VARDVAL_LISTING: "SELECT id, sequence FROM patient ORDER BY id",
}


async def held(pg: asyncpg.Connection, topic: str) -> AsyncIterator[tuple[str | int, int]]:
    """Everybody of whom the topic (the contract's name) told and who is not removed since, with the version; patients
    in the order of their ids. To be read in a transaction."""
    async for entity, version in pg.cursor(_HELD[topic], prefetch=_ROWS):
        yield entity, version
