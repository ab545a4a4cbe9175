"""The day and the units as every batch sees them: read under a lock, units kept in the process (S9, T5).

Every batch holds the lock of the reference data in share mode, so neither a unit nor the day changes while it decides.
A batch of unit facts, and the beginning of a day, take it exclusively.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import asyncpg

from handlers.world import Unit
from infra.postgres import rows
from infra.postgres.day import Day, read_day_and_revision
from infra.postgres.locks import lock_reference_data

_UNITS = """
SELECT hsa_id, version, removed, fact_at, name, kind, care_giver, last_day, replaced_by, first_day, fact_partition,
    fact_offset
FROM unit WHERE revision > $1
"""


@dataclass(slots=True)
class ReferenceData:
    """The units, kept from batch to batch; only what changed is read again."""

    units: dict[str, Unit] = field(default_factory=dict)
    revision: int = 0

    async def enter(self, connection: asyncpg.Connection, *, exclusive: bool) -> Day:
        """Takes the lock for the transaction, brings the units up to date and tells the day."""
        await lock_reference_data(connection, exclusive=exclusive)
        return await self.read(connection)

    async def read(self, connection: asyncpg.Connection) -> Day:
        """Brings the units up to date and tells the day, without the lock: as the transaction sees them."""
        day, revision = await read_day_and_revision(connection)
        if revision != self.revision:
            for row in await connection.fetch(_UNITS, self.revision):
                self.units[row[0]] = rows.unit(row)
            self.revision = revision
        return day
