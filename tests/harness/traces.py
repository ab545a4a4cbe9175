"""Where in the whole database a person is still named: every column of every table is looked through."""

from __future__ import annotations

from collections.abc import Iterable

import asyncpg

_TABLES = """
SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
"""


async def traces(pg: asyncpg.Connection, words: Iterable[str]) -> set[str]:
    """The columns, as `table.column`, in which any of the words stands, as a number, in a text or in bytes."""
    words = [*words]
    found = set()
    for (table,) in await pg.fetch(_TABLES):
        for row in await pg.fetch(f'SELECT * FROM "{table}"'):
            found |= {f"{table}.{name}" for name, value in row.items() if any(word in _text(value) for word in words)}
    return found


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def forms(patient_id: str) -> list[str]:
    """How a personnummer may stand in a text: the shortest parts of its usual forms."""
    return [patient_id[2:], f"{patient_id[2:8]}-{patient_id[8:]}"]
