"""Commands are remembered by their id, so that the same command again gets the same reply and no second effect (C2)."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from infra.patient_keys import command_name
from workers.pipeline.inbound import Read

_REMEMBER = """
INSERT INTO command (name) SELECT DISTINCT name FROM unnest($1::bytea[]) AS new(name) ORDER BY name
ON CONFLICT DO NOTHING RETURNING name
"""


async def remember(pg: asyncpg.Connection, commands: Sequence[Read]) -> tuple[list[Read], list[Read]]:
    """Those never seen before, and the others; of two with one id in a batch the first is the new one.

    Waits for another process that has the same command in hand.
    """
    names = [command_name(command.cause.source, command.cause.id) for command in commands]
    unseen = {row[0] for row in await pg.fetch(_REMEMBER, names)}
    new: list[Read] = []
    again: list[Read] = []
    for name, command in zip(names, commands, strict=True):
        (new if name in unseen else again).append(command)
        unseen.discard(name)
    return new, again
