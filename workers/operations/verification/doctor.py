"""The check of the doctor topic: what it says of each pair is what the roster says was published (S4, S7)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import orjson

from handlers.world.statistics import Statistics, add_statistics
from infra.postgres.verification import HeldPair
from workers.operations.verification.outputs import OutputPartition, OutputRecord
from workers.operations.verification.report import Difference, difference
from workers.operations.verification.shared import Shared
from workers.operations.verification.told import revision_in


class DoctorCheck:
    """`doctor`: the newest record of each pair against what the roster says was published of it."""

    def __init__(self, shared: Shared, partition: OutputPartition) -> None:
        self._shared, self._partition = shared, partition
        self._newest: dict[str, tuple[bytes | None, int]] = {}
        self._beyond: set[str] = set()
        self.compared = 0

    def hear(self, record: OutputRecord) -> None:
        """Keeps the newest of each key."""
        if record.beyond:
            self._beyond.add(record.key)
            return
        try:
            revision = revision_in(record.stored.headers)
        except ValueError:
            revision = 0
        self._newest[record.key] = record.stored.value, revision

    async def differences(self) -> AsyncIterator[Difference]:
        """Of every pair that the topic or the roster knows."""
        held = await self._shared.pairs(self._partition.number)
        removed = self._partition.counts.removed > 0
        for key in sorted(held.keys() | self._newest.keys()):
            newest, pair = self._newest.get(key), held.get(key)
            if removed and key in self._beyond and pair and (newest is None or newest[1] < pair.revision):
                continue  # a record that came since took the place of the one that would tell
            self.compared += 1
            if (what := _pair_differs(newest, pair, may_be_gone=removed)) is not None:
                yield difference("doctor", key, what)


def _pair_differs(newest: tuple[bytes | None, int] | None, held: HeldPair | None, *, may_be_gone: bool) -> str | None:
    if held is None:  # of a protected doctor the roster keeps nothing (S7)
        return None if newest is None or newest[0] is None else "the topic tells of the pair, the roster does not"
    if newest is None:
        gone = held.published is None and may_be_gone
        return None if gone else f"the topic says nothing, the roster has published revision {held.revision}"
    value, revision = newest
    if revision != held.revision:
        return f"the topic has revision {revision}, the roster {held.revision}"
    if held.published is None or value is None:
        same = held.published is None and value is None
        return None if same else f"the topic says the pair is {'gone' if value is None else 'there'}, the roster not"
    try:
        told = orjson.loads(value)
        expected = add_statistics(held.published, Statistics(*(held.statistics or (0, 0.0))), told["as_of"])
        names = [name for name in expected if told[name] != expected[name]]
    except (ValueError, LookupError, TypeError):
        return "the topic has a record that cannot be read"
    return f"other in the topic than in the roster: {', '.join(names)}" if names else None
