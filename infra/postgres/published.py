"""What the demo tells of links and of who is forgotten."""

from __future__ import annotations

from typing import Any

import asyncpg


async def count_links(pg: asyncpg.Connection) -> int:
    """How many patients have a link now."""
    count: int = await pg.fetchval("SELECT count(*) FROM link")
    return count


async def read_forgotten(pg: asyncpg.Connection, key: str) -> dict[str, Any]:
    """All that is kept of a patient who is protected or known under another id (L7, L9); empty for others."""
    return dict(await pg.fetchrow("SELECT * FROM forgotten WHERE key = $1", key) or {})
