"""Checks of 1177's topic: what it says of each patient, and in which order (P1, P2)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from infra.postgres import verification as database
from infra.postgres.verification import Held
from infra.provenance import REPUBLISHED_HEADER
from workers.operations.verification.outputs import OutputPartition, OutputRecord
from workers.operations.verification.report import Difference, difference
from workers.operations.verification.shared import Shared
from workers.operations.verification.told import Told, differences, revision_in, told_by


class ContactCheck:
    """`1177`: the newest record of each key against the patient's state."""

    def __init__(self, shared: Shared, partition: OutputPartition) -> None:
        self._shared, self._partition = shared, partition
        self._newest: dict[str, Told] = {}
        self._beyond: set[str] = set()
        self._texts: dict[Any, Any] = {}
        self.compared = 0

    def hear(self, record: OutputRecord) -> None:
        """Keeps the newest of each key."""
        if record.beyond:
            self._beyond.add(record.key)
            return
        told = told_by(record.stored.value, record.stored.headers)
        if told.link is not None:  # few doctors, many patients
            told = told._replace(link=self._texts.setdefault(told.link, told.link))
        self._newest[record.key] = told

    async def differences(self) -> AsyncIterator[Difference]:
        """Of every key that the topic or the database knows."""
        async for key, held in database.told(self._shared.pg, self._partition.number):
            for one in self._compare(key, held):
                yield one
        for key, held in (await self._shared.forgotten(self._partition.number)).items():
            for one in self._compare(key, held):
                yield one
        for key in sorted(self._newest):
            for one in self._compare(key, None):
                yield one

    def _compare(self, key: str, held: Held | None) -> list[Difference]:
        told, removed = self._newest.pop(key, None), self._partition.counts.removed > 0
        if removed and key in self._beyond and held and (told is None or told.revision < held.revision):
            return []  # a record that came since took the place of the one that would tell
        self.compared += 1
        return [difference("1177", key, what) for what in differences(told, held, may_be_gone=removed)]


class RevisionCheck:
    """`revisions`: of each key of 1177's topic they rise by one, but for what compaction took (P1)."""

    def __init__(self, shared: Shared, partition: OutputPartition) -> None:
        self._last: dict[str, tuple[int, int]] = {}
        self._found: list[Difference] = []
        self.compared = 0

    def hear(self, record: OutputRecord) -> None:
        """Holds it against the one before of its key."""
        if record.beyond or any(name == REPUBLISHED_HEADER for name, _ in record.stored.headers):
            return
        try:
            revision = revision_in(record.stored.headers)
        except ValueError:
            self._found.append(difference("revisions", record.key, f"offset {record.stored.offset} has no revision"))
            return
        self.compared += 1
        before = self._last.get(record.key)
        self._last[record.key] = revision, record.removed[0]
        if before is None:
            return
        last, removed = before
        if revision <= last or revision - last - 1 > record.removed[1] - removed:
            what = f"offset {record.stored.offset} has revision {revision} after {last}"
            self._found.append(difference("revisions", record.key, what))

    async def differences(self) -> AsyncIterator[Difference]:
        """As they were heard."""
        for one in self._found:
            yield one
