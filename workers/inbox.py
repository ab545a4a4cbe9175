"""Commands are remembered by their id, so that the same command again gets the same reply and no second effect (C2)."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from workers.reading import Read

_REMEMBER = """
INSERT INTO command (source, id) SELECT DISTINCT * FROM unnest($1::text[], $2::text[]) AS new(source, id)
ORDER BY source, id ON CONFLICT DO NOTHING RETURNING source, id
"""


async def remember(pg: asyncpg.Connection, commands: Sequence[Read]) -> tuple[list[Read], list[Read]]:
    """Those never seen before, and the others; of two with one id in a batch the first is the new one.

    Waits for another process that has the same command in hand.
    """
    sources, ids = [c.cause.source for c in commands], [c.cause.id for c in commands]
    unseen = {tuple(row) for row in await pg.fetch(_REMEMBER, sources, ids)}
    new: list[Read] = []
    again: list[Read] = []
    for command in commands:
        name = (command.cause.source, command.cause.id)
        (new if name in unseen else again).append(command)
        unseen.discard(name)
    return new, again
