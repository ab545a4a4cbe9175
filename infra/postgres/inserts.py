"""Rows that PostgreSQL never has to refuse: it would write what it refuses, personnummer and all, into its log (D1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from infra.errors import ConcurrentInsert, MissingValue


async def insert(pg: asyncpg.Connection, what: str, statement: str, *columns: list[Any]) -> None:
    """One row for each item of the columns. `statement` leaves alone what is there already; raises ConcurrentInsert
    where anything was."""
    count_inserted(await pg.execute(statement, *columns), len(columns[0]), what)


def count_inserted(status: str, rows: int, what: str) -> None:
    """Raises ConcurrentInsert unless the statement of this status inserted so many rows."""
    if status != f"INSERT 0 {rows}":
        raise ConcurrentInsert(what)


def refuse_nulls(table: str, **columns: Sequence[Any]) -> None:
    """Raises MissingValue where a column that cannot be null would be."""
    for name, values in columns.items():
        if None in values:
            raise MissingValue(f"{table}.{name}")
