"""Records of commands, and what the database says of their replies."""

from __future__ import annotations

from typing import Any

import asyncpg

from schemas.topics import LISTNING_COMMAND
from tests.harness.consumer_record import ConsumerRecord
from tests.workers.fixtures import message

UNIT, OTHER = "SE2321000131-E000000000001", "SE2321000131-E000000000002"
"""Both never heard of, so every command is refused, which is an effect to count."""


def command(offset: int, unit: str, name: str, partition: int, key: str | None, **data: Any) -> ConsumerRecord:
    actor = {"id": "SE1", "role": "unit_admin", "unit_hsa_id": unit}
    type_ = f"se.vgregion.listning.{name}.v1"
    data = {"unit_hsa_id": unit, "actor": actor, **data}
    return message(LISTNING_COMMAND, offset, type_, data, partition=partition, key=(key or unit).encode())


def file(offset: int, unit: str = UNIT, *, partition: int = 0) -> ConsumerRecord:
    return command(offset, unit, "import-links", partition, None, import_id="f", part=1, parts=1, rows=[])


def resume(offset: int, unit: str = OTHER, *, partition: int = 0, key: str | None = None) -> ConsumerRecord:
    return command(offset, unit, "resume-doctor", partition, key, doctor_hsa_id="SE2321000131-P000000000001")


async def replies(pg: asyncpg.Connection) -> int:
    number: int = await pg.fetchval("SELECT count(*) FROM outbox")
    return number
