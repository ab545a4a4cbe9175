"""Where every input partition stands, what stopped it, and how an operator has it go on behind what is lost."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from aiokafka import TopicPartition

from infra import timing
from infra.errors import PartitionUnreadable, UnusableSelection
from infra.kafka import groups
from infra.kafka.groups import Member
from infra.kafka.log_reader import Ends, LogReader
from infra.kafka.ranges import first_readable, first_record
from infra.postgres import operations, partitions
from infra.postgres.connection import checkout
from infra.postgres.operations import Concerned
from infra.postgres.partitions import StoredPosition
from infra.provenance import Provenance
from infra.settings import Settings
from schemas.topics import TOPICS
from workers.operations.session import Session
from workers.pipeline.continuity import cut_back, deleted, goes_on, not_the_same
from workers.routes import ROUTES

#: what an audit row of it says it is
SKIP = "partition skip"
_WORKERS = {route.topic: worker for worker, route in ROUTES.items()}
_COMPACTED = frozenset(topic.name for topic in TOPICS if topic.cleanup == "compact")
_NEVER_READ = StoredPosition(0, None, None)
_PLACE = re.compile(r"([A-Za-z0-9._-]{1,249})/([0-9]{1,9})")

#: an input topic by the contract's name, and the number of a partition
Place = tuple[str, int]


class Break(NamedTuple):
    """Why a log does not go on where the partition was left: `why` is a word for scripts, `text` the sentence; `lost`
    are the offsets [first, end) that were never handled and cannot be read any more, None where none are known; `to` is
    where the partition can go on, None = at the earliest offset there is."""

    why: str
    text: str
    lost: tuple[int, int] | None
    to: int | None

    @property
    def describes_lost(self) -> str:
        """What was lost, in words for the operator and the audit trail."""
        if self.lost is None:
            return self.text
        what = "were deleted before they were read" if self.why == "deleted" else "cannot be read"
        return f"offsets {self.lost[0]}-{self.lost[1] - 1} {what}"


@dataclass(frozen=True)
class InputPartition:
    """One, as it stands now: `stopped` is what keeps any process from going on, `guarded` are the releases that must
    not, with why; `held_by` are the processes that have it or may get it."""

    topic: str
    partition: int
    stored: StoredPosition
    ends: Ends
    stopped: Break | None
    guarded: Mapping[str, str]
    held_by: tuple[Member, ...]

    @property
    def goes_on(self) -> bool:
        """Whether nothing keeps it from being read."""
        return self.stopped is None and not self.guarded

    def as_json(self) -> dict[str, Any]:
        """The shape of `partition show --json` (operations.md). Ranges are without their end."""
        lost = None if self.stopped is None else self.stopped.lost
        return {
            "topic": self.topic,
            "partition": self.partition,
            "position": self.stored.next_offset,
            "begin": self.ends.begin,
            "stable": self.ends.stable,
            "end": self.ends.end,
            "stopped": None if self.stopped is None else {"why": self.stopped.why, "text": self.stopped.text},
            "lost": None if lost is None else {"from": lost[0], "to": lost[1]},
            "guarded": dict(self.guarded),
            "held_by": [{"member": member.id, "host": member.host} for member in self.held_by],
        }


def read_place(text: str, prefix: str = "") -> Place:
    """The partition that `TOPIC/P` names; the topic may have the installation's prefix. Raises UnusableSelection, whose
    text does not repeat it (O8)."""
    match = _PLACE.fullmatch(text)
    if match is None or (topic := match[1].removeprefix(prefix)) not in _WORKERS:
        raise UnusableSelection(f"should be TOPIC/PARTITION, the topic one of {', '.join(_WORKERS)}")
    return topic, int(match[2])


async def look(session: Session, only: Place | None = None) -> list[InputPartition]:
    """Every input partition, or that one, in the order of topics and numbers. Writes nothing and joins no group.

    Raises UnusableSelection where there is no such partition, KafkaError, TimeoutError, and what the database raises.
    """
    settings = session.runtime.settings
    topics = {settings.topic(topic): topic for topic in ([only[0]] if only else _WORKERS)}
    async with asyncio.timeout(timing.COMMAND_PARTITIONS_SECONDS):
        held = await groups.members(settings, [_group(settings, topic) for topic in topics.values()])
        # The beginnings before the positions, the ends after them: nothing that a process does meanwhile looks like a
        # record that was deleted unread, or like a log that was cut back.
        earliest = await session.reader.ends(topics)
        async with checkout(session.runtime.engine) as pg:
            stored, guarded = await partitions.positions(pg), await partitions.guarded(pg)
        ends = await session.reader.ends(topics)
        found = []
        for tp in sorted(ends, key=lambda tp: (list(topics).index(tp.topic), tp.partition)):
            place = topics[tp.topic], tp.partition
            if only in (None, place):
                at = stored.get(place, _NEVER_READ)
                why = await _break(session, tp, place, at, earliest[tp].begin, ends[tp])
                holders = tuple(groups.holders(held, _group(settings, place[0]), tp))
                found.append(InputPartition(*place, at, ends[tp], why, guarded.get(place, {}), holders))
    if not found:
        raise UnusableSelection(f"{only[0] if only else 'the inputs'}: no such partition")
    return found


async def skip(session: Session, found: InputPartition, by: Provenance) -> bool:
    """Has a partition that stopped go on behind what is lost, with its rows in the audit trail. False, and nothing is
    done, where it does not stand any more as it was found."""
    assert found.stopped is not None
    about = found.stopped.describes_lost
    async with checkout(session.runtime.engine) as pg, pg.transaction():
        if not await partitions.go_on(pg, found.topic, found.partition, found.stored, found.stopped.to):
            return False
        await operations.begin(pg, SKIP, "O1", by, f"{found.topic}/{found.partition}")
        await operations.concern(pg, SKIP, "O1", by, [Concerned(found.topic, found.partition, None, about)])
    return True


async def _break(
    session: Session, tp: TopicPartition, place: Place, stored: StoredPosition, earliest: int, ends: Ends
) -> Break | None:
    """The same questions as `workers/pipeline/takeover.py` asks, and whether the next record can be read."""
    at, last = stored.next_offset, stored.last
    if at is None:
        return None
    if at < earliest:
        return Break("deleted", deleted(at), (at, ends.begin), None)
    if at > ends.end:
        return Break("cut_back", cut_back(at, ends.end), None, None)
    try:
        if last is not None and last.offset >= ends.begin:
            first = await first_record(session.reader, tp, last.offset, ends.stable)
            compacted = place[0] in _COMPACTED
            if first is not None and not goes_on(first, last, session.runtime.keys, compacted=compacted):
                return Break("another_log", not_the_same(last.offset), None, None)
        await first_record(session.reader, tp, at, ends.stable)
    except PartitionUnreadable as damaged:
        return await _unreadable(session.reader, tp, at, ends, damaged)
    return None


async def _unreadable(
    reader: LogReader, tp: TopicPartition, at: int, ends: Ends, damaged: PartitionUnreadable
) -> Break:
    first = max(at, damaged.offset)
    to = await first_readable(reader, tp, first, ends.stable)
    # Where only the record that was handled last is damaged, nothing is lost.
    return Break("unreadable", str(damaged), None if to is None or to <= first else (first, to), to)


def _group(settings: Settings, topic: str) -> str:
    return f"{settings.group_id}.{_WORKERS[topic]}"
