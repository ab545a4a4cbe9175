"""Dead letters in a database, and what a database holds."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import asyncpg

from infra.postgres import dead_letters
from infra.postgres.connection import connect
from infra.postgres.dead_letters import DeadLetter
from schemas.topics import KIV_STAFF, VARDVAL_LISTING
from tests.schemas.builders import PATIENT, binary

T = TypeVar("T")

NOW = datetime.now(UTC).replace(microsecond=0)
STAFF, LISTING = "se.vgregion.kiv.staff.v1", "se.vgregion.vardval.listing.v1"


def letter(offset: int, of: str = LISTING, **changed: Any) -> DeadLetter:
    """A letter of the example of that type, dead for so many hours as its offset says."""
    record = binary(of, changed.pop("data", None))
    made = DeadLetter(
        record.topic, 0, offset, record.timestamp, record.key, record.value, list(record.headers), "invalid_data",
        "sequence: Input should be a valid integer", None, "1.0.0", 1, NOW - timedelta(hours=offset),
    )  # fmt: skip
    return made._replace(**changed)


#: two groups of the listing topic, one of the staff topic; the last is handled, the one before discarded
LETTERS = (
    letter(1),
    letter(2, release="0.9.0"),
    letter(3, code="handler_failed", fingerprint="RuntimeError in handlers.listing.decide", detail="RuntimeError at x"),
    letter(4, STAFF),
    letter(5, STAFF),
    letter(6, STAFF),
)
IDS = [f"{one.topic}/{one.partition}/{one.offset}" for one in LETTERS]
assert (LETTERS[0].topic, LETTERS[-1].topic) == (VARDVAL_LISTING, KIV_STAFF)


def on(url: str, work: Any) -> Any:
    """What the work does with a connection to the database."""

    async def connected() -> Any:
        pg = await connect(url)
        try:
            return await work(pg)
        finally:
            await pg.close()

    coroutine: Coroutine[Any, Any, Any] = connected()
    return asyncio.run(coroutine)


def fill(url: str, letters: Sequence[DeadLetter] = LETTERS) -> None:
    """Adds letters; the two last are discarded and handled."""

    async def add(pg: asyncpg.Connection) -> None:
        await dead_letters.add(pg, letters)
        for letter, state in zip(letters[-2:], ("discarded", "handled"), strict=True):
            await pg.execute("UPDATE dead_letter SET state = $1 WHERE record_offset = $2", state, letter.offset)

    on(url, add)


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    """What the query finds."""
    return [tuple(row) for row in on(url, lambda pg: pg.fetch(query))]


def states(url: str) -> list[str]:
    """Of every letter, in the order of their offsets."""
    return [state for (state,) in rows(url, "SELECT state FROM dead_letter ORDER BY record_offset")]


def contents(url: str) -> dict[str, str]:
    """Every table with a digest of all that it holds."""

    async def digests(pg: asyncpg.Connection) -> dict[str, str]:
        tables = await pg.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        digest = 'SELECT md5(string_agg(one::text, chr(10) ORDER BY one::text)) FROM "{}" AS one'
        return {name: await pg.fetchval(digest.format(name)) for (name,) in tables}

    found: dict[str, str] = on(url, digests)
    return found


def audited(url: str) -> list[tuple[Any, ...]]:
    """The rows of the audit trail: what, why it is concerned, place, and the operator's reason."""
    return rows(url, "SELECT what, reason, topic, partition, record_offset, run_reason FROM audit ORDER BY id")


__all__ = ["IDS", "LETTERS", "NOW", "PATIENT", "audited", "contents", "fill", "letter", "on", "rows", "states"]
