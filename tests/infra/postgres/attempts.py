"""A transaction step by step, so that two can be interleaved."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, date, datetime
from typing import Any

import asyncpg
import orjson

from handlers.decide import Handlers, decide_batch
from handlers.world import Needs, World
from handlers.world.changes import Cause, Outcome
from infra.patient_keys import PatientKeys
from infra.postgres.connection import connect
from infra.postgres.load import Loader
from infra.postgres.save import save

TODAY = date(2026, 5, 26)
NOON = datetime(2026, 5, 26, 12, tzinfo=UTC)
KEYS = PatientKeys(b"0123456789abcdef0123456789abcdef", 12)


def cause(id: str = "1", **more: Any) -> Cause:
    """A message of Tuesday noon."""
    return Cause("test", id, NOON, **more)


class Attempt:
    """An open transaction with a world of its own."""

    def __init__(self, pg: asyncpg.Connection, *, exclusive: bool = False, most_patients: int = 1_000) -> None:
        self.pg = pg
        self.world = World(TODAY, cause("day"))
        self.loader = Loader(pg, self.world, KEYS, exclusive=exclusive, in_progress=False, most_patients=most_patients)
        self._transaction = pg.transaction()

    async def begin(self) -> Attempt:
        await self._transaction.start()
        return self

    async def load(self, **needs: Any) -> World:
        """Loads and locks."""
        await self.loader.load(Needs(**needs))
        return self.world

    async def decide(self, handlers: Handlers, *events: Any) -> list[Outcome]:
        """As a batch does, up to saving."""
        causes = [(event, cause(str(number))) for number, event in enumerate(events)]
        return await self.drive(decide_batch(causes, handlers, self.world))

    async def drive(self, decision: Generator[Needs, None, list[Outcome]]) -> list[Outcome]:
        """Loads whatever the decision asks for."""
        while True:
            try:
                needs = next(decision)
            except StopIteration as done:
                outcomes: list[Outcome] = done.value
                return outcomes
            await self.loader.load(needs)

    async def save(self) -> None:
        """Writes and commits."""
        await self.write()
        await self.commit()

    async def write(self) -> None:
        """What was decided."""
        await save(self.pg, self.world, self.loader)

    async def commit(self) -> None:
        """It stands."""
        await self._transaction.commit()

    async def roll_back(self) -> None:
        """Nothing happened."""
        await self._transaction.rollback()


Begin = Callable[..., Any]


@asynccontextmanager
async def attempts(url: str) -> AsyncIterator[Begin]:
    """What begins another transaction on a connection of its own, set up as the service's are."""
    async with AsyncExitStack() as stack:

        async def begin(**how: Any) -> Attempt:
            pg = await connect(url)
            stack.push_async_callback(pg.close)
            await pg.set_type_codec("jsonb", encoder=str, decoder=orjson.loads, schema="pg_catalog")
            await pg.set_type_codec("json", encoder=str, decoder=orjson.loads, schema="pg_catalog")
            return await Attempt(pg, **how).begin()

        yield begin
