"""Commands are remembered by their id with their reply, so that the same command again gets the same reply and has no
second effect (C2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

import asyncpg

from infra.postgres.outbox import Event, pack, unpack
from schemas.topics import LISTNING_REPLY

_REMEMBER = """
INSERT INTO command (name) SELECT DISTINCT name FROM unnest($1::bytea[]) AS new(name) ORDER BY name
ON CONFLICT DO NOTHING RETURNING name
"""
_REMEMBER_REPLY = """
INSERT INTO command (name, partition, key, value, headers) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (name) DO UPDATE
SET (partition, key, value, headers) = ROW(excluded.partition, excluded.key, excluded.value, excluded.headers)
"""
_REPLY = "SELECT partition, key, value, headers FROM command WHERE name = $1 AND headers IS NOT NULL"

_ANSWERED = "SELECT name, headers IS NOT NULL FROM command WHERE name = ANY($1::bytea[])"

#: source and id
CommandId = tuple[str, str]


async def remember(pg: asyncpg.Connection, commands: Sequence[CommandId]) -> list[bool]:
    """Whether each command is new; of two with one id the first is.

    Waits for another transaction that has the same command in hand.
    """
    names = [command_name(*command) for command in commands]
    unseen = {row[0] for row in await pg.fetch(_REMEMBER, names)}
    new = []
    for name in names:
        new.append(name in unseen)
        unseen.discard(name)
    return new


async def answered(pg: asyncpg.Connection, commands: Sequence[CommandId]) -> list[bool | None]:
    """Of each command whether there is a reply to it; None where it was never handled."""
    names = [command_name(*command) for command in commands]
    found = dict(await pg.fetch(_ANSWERED, names))
    return [found.get(name) for name in names]


async def remember_reply(pg: asyncpg.Connection, command: CommandId, replies: Iterable[Event]) -> None:
    """Stores the reply to a command, as it is published."""
    for event in replies:
        await pg.execute(
            _REMEMBER_REPLY, command_name(*command), event.partition, event.key, event.value, pack(event.headers)
        )


async def stored_reply(pg: asyncpg.Connection, command: CommandId) -> list[Event]:
    """The stored reply to a command; none where it had none (an import's part that waited)."""
    row = await pg.fetchrow(_REPLY, command_name(*command))
    return [] if row is None else [Event(LISTNING_REPLY, row[0], row[1], row[2], unpack(row[3]))]


def command_name(source: str, id: str) -> bytes:
    """What a command is remembered by (C2): one size, whatever the length of its `ce_source` and `ce_id`."""
    return sha256(f"{len(source)}/{source}/{id}".encode()).digest()
