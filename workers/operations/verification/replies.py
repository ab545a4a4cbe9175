"""The check of the reply topic: every command that was answered has its reply there (C2)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from infra import timing
from infra.postgres import verification as database
from infra.postgres.outbox import unpack
from workers.operations.verification.outputs import OutputPartition, OutputRecord
from workers.operations.verification.report import Difference, difference
from workers.operations.verification.shared import Shared

_DIGEST_BYTES = 16


@dataclass
class ReplyCheck:
    """`replies`: every answered command has its reply, as it is remembered, while retention still holds it (C2)."""

    shared: Shared
    partition: OutputPartition
    compared: int = 0
    _heard: dict[bytes, bytes] = field(default_factory=dict)
    _first: int | None = None

    def hear(self, record: OutputRecord) -> None:
        """Keeps of each reply its id and what it says, hashed."""
        if self._first is None:
            self._first = record.stored.timestamp
        if not record.beyond:
            self._heard[_digest(dict(record.stored.headers).get("ce_id"))] = _digest(record.stored.value)

    async def differences(self) -> AsyncIterator[Difference]:
        """Of every command that was answered in this partition."""
        missing: dict[bytes, str] = {}
        async for name, digest, headers in database.replies(self.shared.pg, self.partition.number):
            self.compared += 1
            id = dict(unpack(headers)).get("ce_id")
            heard = self._heard.get(_digest(id))
            key = (id or b"").decode(errors="backslashreplace")
            if heard is None:
                missing[name] = key
            elif heard != digest[:_DIGEST_BYTES]:
                yield difference("replies", key, "its reply in the topic is another than the one remembered")
        for key in await self._still_due(missing):
            yield difference("replies", key, "the command is answered, and its reply is not in the topic")

    async def _still_due(self, missing: dict[bytes, str]) -> list[str]:
        """Those that retention cannot have taken: nothing is gone, or they were answered after the first reply that is
        still there. Machines' clocks may differ a little."""
        if not self.partition.counts.removed:
            return list(missing.values())
        if not missing or self._first is None:
            return []
        since = datetime.fromtimestamp(self._first / 1000, UTC) + timedelta(seconds=timing.CLOCKS_DIFFER_SECONDS)
        answered = await self.shared.answered()
        due = [key for name, key in missing.items() if name in answered and answered[name] > since]
        self.compared -= len(missing) - len(due)
        return due


def _digest(content: bytes | None) -> bytes:
    return sha256(content or b"").digest()[:_DIGEST_BYTES]
