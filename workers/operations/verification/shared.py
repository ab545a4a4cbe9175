"""What the checks of all output partitions have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from infra.patient_keys import partition_of
from infra.postgres import verification as database
from infra.postgres.verification import Held, HeldPair
from schemas.topics import FAST_LAKARKONTAKT, LISTNING_DOCTOR

#: as the contract has it for the reply topic
_REPLIES_KEPT = timedelta(days=30)


@dataclass
class Shared:
    """What the checks of all partitions have in common: the snapshot's connection, how many partitions each topic has,
    and what is small enough to be read once, or too slow to be read twice."""

    pg: asyncpg.Connection
    partitions: Mapping[str, int]
    _forgotten: dict[int, dict[str, Held]] | None = None
    _pairs: dict[int, dict[str, HeldPair]] | None = None
    _answered: dict[bytes, datetime] | None = None

    async def forgotten(self, partition: int) -> dict[str, Held]:
        """Of the patients who are forgotten, those of a partition of 1177's topic."""
        if self._forgotten is None:
            self._forgotten = self._by_partition(FAST_LAKARKONTAKT, await database.forgotten(self.pg))
        return self._forgotten.get(partition, {})

    async def pairs(self, partition: int) -> dict[str, HeldPair]:
        """What a partition of the doctor topic must say."""
        if self._pairs is None:
            self._pairs = self._by_partition(LISTNING_DOCTOR, await database.pairs(self.pg))
        return self._pairs.get(partition, {})

    async def answered(self) -> dict[bytes, datetime]:
        """By hashed name when each command was answered whose reply retention may still hold."""
        if self._answered is None:
            since = datetime.now(UTC) - _REPLIES_KEPT
            self._answered = await database.answered_since(self.pg, since)
        return self._answered

    def _by_partition(self, topic: str, held: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
        found: dict[int, dict[str, Any]] = {}
        for key, one in held.items():
            found.setdefault(partition_of(key.encode(), self.partitions[topic]), {})[key] = one
        return found
