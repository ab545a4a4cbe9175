"""The checks that read an output topic: what stands in it against what the database says must stand there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Protocol

import asyncpg
import orjson

from handlers.world.statistics import Statistics, add_statistics
from infra import timing
from infra.patient_keys import partition_of
from infra.postgres import verification as database
from infra.postgres.outbox import unpack
from infra.postgres.verification import Held, HeldPair
from schemas.topics import FAST_LAKARKONTAKT, LISTNING_CLOCK, LISTNING_DOCTOR, LISTNING_REPLY
from workers.operations.verification.outputs import OutputPartition, OutputRecord
from workers.operations.verification.report import Difference, difference
from workers.operations.verification.told import Told, differences, revision_in, told_by

#: the header of records that say the present state once more, which the order of revisions says nothing of
REPUBLISHED = "republished"


@dataclass
class Shared:
    """What the checks of all partitions have in common: the snapshot's connection, how many partitions each topic has,
    and what is small enough to be read once."""

    pg: asyncpg.Connection
    partitions: Mapping[str, int]
    _forgotten: dict[int, dict[str, Held]] | None = None
    _pairs: dict[int, dict[str, HeldPair]] | None = None

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

    def _by_partition(self, topic: str, held: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
        found: dict[int, dict[str, Any]] = {}
        for key, one in held.items():
            found.setdefault(partition_of(key.encode(), self.partitions[topic]), {})[key] = one
        return found


class TopicCheck(Protocol):
    """A check of one partition: hears its records in order, then says what differs."""

    compared: int

    def hear(self, record: OutputRecord) -> None:
        """The next record of the partition, also beyond the snapshot."""

    def differences(self) -> AsyncIterator[Difference]:
        """To be asked when all records were heard."""


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
        if record.beyond or any(name == REPUBLISHED for name, _ in record.stored.headers):
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


class SequenceCheck:
    """`sequences`: each partition holds every sequence of its shard up to the snapshot's, once and in order, but for
    what compaction and retention took, and nothing else (P4)."""

    def __init__(self, shared: Shared, partition: OutputPartition) -> None:
        self._partition = partition
        self._last = self._missing = 0
        self._found: list[Difference] = []
        self.compared = 0

    def hear(self, record: OutputRecord) -> None:
        """Holds it against the one before."""
        if record.beyond:
            return
        if record.seq == 0:
            if self._partition.topic != LISTNING_CLOCK:  # the day may be said by others (T1)
                what = "holds a record that the relay of this installation did not write"
                self._find(f"offset {record.stored.offset} {what}")
            return
        self.compared += 1
        if record.seq <= self._last:
            self._find(f"offset {record.stored.offset} has sequence {record.seq} after {self._last}")
        elif self._last:
            self._missing += record.seq - self._last - 1
        self._last = max(self._last, record.seq)

    async def differences(self) -> AsyncIterator[Difference]:
        """As they were heard, and what is missing in all."""
        partition = self._partition
        missing = self._missing + (partition.last_seq - self._last if self._last else 0)
        if missing > partition.counts.removed:
            self._find(
                f"{missing} of the sequences up to {partition.last_seq} are missing, and compaction or retention took"
                f" {partition.counts.removed} records"
            )
        for one in self._found:
            yield one

    def _find(self, what: str) -> None:
        self._found.append(difference("sequences", self._partition.name, what))


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
        async for name, value, headers in database.replies(self.shared.pg, self.partition.number):
            self.compared += 1
            id = dict(unpack(headers)).get("ce_id")
            heard = self._heard.get(_digest(id))
            key = (id or b"").decode(errors="backslashreplace")
            if heard is None:
                missing[name] = key
            elif heard != _digest(value):
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
        answered = await database.answered_since(self.shared.pg, since)
        self.compared -= sum(name not in answered for name in missing)
        return [key for name, key in missing.items() if name in answered]


def _digest(content: bytes | None) -> bytes:
    return sha256(content or b"").digest()[:16]


#: by the check's name the topics that it reads (None: every output topic) and how it is made
TOPIC_CHECKS: dict[str, tuple[str | None, Callable[[Shared, OutputPartition], TopicCheck]]] = {
    "1177": (FAST_LAKARKONTAKT, ContactCheck),
    "doctor": (LISTNING_DOCTOR, DoctorCheck),
    "revisions": (FAST_LAKARKONTAKT, RevisionCheck),
    "sequences": (None, SequenceCheck),
    "replies": (LISTNING_REPLY, ReplyCheck),
}
