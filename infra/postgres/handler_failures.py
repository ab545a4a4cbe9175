"""How many records each release failed on, by topic and fingerprint: none must drain a topic into its DLQ."""

from __future__ import annotations

import asyncpg

_COUNT = """
INSERT INTO handler_failure AS failure (topic, release, fingerprint) VALUES ($1, $2, $3)
ON CONFLICT (topic, release, fingerprint) DO UPDATE SET records = failure.records + 1, last_at = now()
"""
_TOTAL = "SELECT sum(records) FROM handler_failure WHERE topic = $1 AND release = $2"


async def count_failure(pg: asyncpg.Connection, topic: str, release: str, fingerprint: str) -> int:
    """Counts one more, in the transaction that dead-letters it; returns how many it is of the topic and release."""
    await pg.execute(_COUNT, topic, release, fingerprint)
    total: int = await pg.fetchval(_TOTAL, topic, release)
    return total
