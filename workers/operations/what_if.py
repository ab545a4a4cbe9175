"""What records would do if they were sent now: judged in their order on the live state, which nothing of it changes
(operations.md, What if)."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

import orjson

from handlers.world.changes import ChangeRecord, Outcome, ReplyCreated, ReplyResent
from infra.events import Published, published
from infra.postgres.inbox import CommandId, answered, stored_reply
from infra.postgres.rehearsal import Snapshot
from infra.postgres.runs import RunPartition
from schemas.record_lines import NO_TIMESTAMP, LineRecord
from schemas.topics import LISTNING_CLOCK, LISTNING_COMMAND
from workers.operations.judging import judge_all
from workers.operations.ranges import Batch
from workers.operations.rehearsed_state import RehearsedState
from workers.operations.report import events_json
from workers.operations.tally import Tally
from workers.pipeline.inbound import InboundRecord, decode
from workers.pipeline.route import Route
from workers.pipeline.transaction import Transaction
from workers.routes import ROUTES
from workers.runtime import Runtime

#: in no partition that there is: whatever fact is held, a record that is yet to be sent will stand behind its record,
#: and behind the records that stand before it in the file (R2)
_PARTITION = -1
#: what is shown of a reply
_OF_REPLY = ("outcome", "code", "message", "counts", "faulty_rows")
_ROUTES = {route.topic: route for route in ROUTES.values()}

Json = dict[str, Any]


class Expected(NamedTuple):
    """What would come of the record of a line, counted from 1: `reply` for a command, `code` and `detail` of one that
    would be dead."""

    line: int
    topic: str
    outcome: str
    reply: Json | None
    events: Sequence[Published]
    code: str | None
    detail: str | None

    @property
    def refused(self) -> bool:
        """Whether it would be a dead letter, or a command that is refused (O9)."""
        return self.outcome in (Outcome.DEAD, Outcome.REFUSED)


@dataclass(slots=True)
class WhatIf:
    """What would come of all records, judged as of `day` (T2); `estimated_from` is the line from which on too much had
    changed to carry all of it (O2)."""

    day: date
    records: list[Expected] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    estimated_from: int | None = None

    def as_json(self) -> Json:
        """What `fastlakare what-if --json` prints."""
        told = {
            "day": self.day.isoformat(),
            "records": [{**one._asdict(), "events": [event._asdict() for event in one.events]} for one in self.records],
            "events": events_json(self.tally),
        }
        return told if self.estimated_from is None else {**told, "estimated_from": self.estimated_from}


async def what_if(runtime: Runtime, snapshot: Snapshot, records: Iterable[tuple[int, LineRecord]]) -> WhatIf:
    """What would come of records, each with the number of its line. Raises DayUnknown before the first day, and what
    the database raises."""
    judge = _Judge(runtime, snapshot)
    found = WhatIf(judge.state.today)
    numbered = list(records)
    lines = (number for number, _ in numbered)
    async for batch in judge_all(judge, _one_by_one(record for _, record in numbered)):
        (inbound,), line = batch.records, next(lines)
        found.records.append(_expected(line, inbound, judge))
        if judge.state.full and found.estimated_from is None:
            found.estimated_from = line
    found.tally = judge.tally
    return found


class _Judge:
    """Judges batches of one record each; `published` and `reply` are what the last one would cause."""

    def __init__(self, runtime: Runtime, snapshot: Snapshot) -> None:
        self.state = RehearsedState(runtime, snapshot)
        self.tally = Tally()
        self.published: list[Published] = []
        self.reply: Json | None = None
        self._inbox = _Inbox(snapshot)

    async def judge(self, batch: Batch) -> None:
        """Raises what the handlers raise."""
        (inbound,) = batch.records
        self.published, self.reply = [], None
        route = _ROUTES[inbound.cause.topic or ""]
        if inbound.dead_letter_reason is not None:
            pass
        elif route.topic == LISTNING_CLOCK:
            await self._begin_days(inbound)
        elif route.topic == LISTNING_COMMAND:
            await self._command(route, inbound)
        else:
            await self._changed(await self.state.decided(_deciding(route, inbound), single=True))
        self.tally.add([inbound], [])

    async def _begin_days(self, inbound: InboundRecord) -> None:
        """As `pipeline.day`; what the day has answered (an import that stayed incomplete) is no reply to it."""
        before = self.state.today
        async for _, changes in self.state.turn(inbound.event.day, inbound.cause):
            await self._changed(changes)
        inbound.outcome = Outcome.UNCHANGED if self.state.today == before else Outcome.APPLIED

    async def _command(self, route: Route, inbound: InboundRecord) -> None:
        """As `pipeline.commands`: a known one gets its reply again, and nothing else comes of it."""
        id = (inbound.cause.source, inbound.cause.id)
        if not await self._inbox.knows(id):
            changes = await self.state.decided(_deciding(route, inbound), single=True)
            self._inbox.remember(id)
        else:
            inbound.outcome = Outcome.REPEATED
            changes = [] if await self._inbox.reply(id) is None else [ReplyResent(*id)]
        await self._changed(changes)
        self.reply = await self._inbox.last_said(changes)

    async def _changed(self, changes: Sequence[ChangeRecord]) -> None:
        await self._inbox.note(changes)
        self.published += [event for change in changes if (event := published(change)) is not None]
        self.tally.add([], changes)


class _Inbox:
    """The commands that are known, those of the database and those judged since, with their replies (C2)."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._pg = snapshot.pg
        self._known: set[CommandId] = set()
        self._replies: dict[CommandId, Json] = {}

    async def knows(self, id: CommandId) -> bool:
        """Whether it was handled."""
        return id in self._known or (await answered(self._pg, [id])) != [None]

    def remember(self, id: CommandId) -> None:
        """It is handled."""
        self._known.add(id)

    async def reply(self, id: CommandId) -> Json | None:
        """What was replied; None where nothing was (a part of an import that waited)."""
        if id not in self._replies:
            for event in await stored_reply(self._pg, id):
                self._replies[id] = orjson.loads(event.value or b"{}")
        return self._replies.get(id)

    async def note(self, changes: Iterable[ChangeRecord]) -> None:
        """Remembers what is replied."""
        for change in changes:
            if isinstance(change, ReplyCreated):
                self._replies[change.cause.source, change.cause.id] = change.value
            elif isinstance(change, ReplyResent) and change.asked_by is not None:
                again = await self.reply((change.source, change.id))
                if again is not None:
                    self._replies[change.asked_by] = again

    async def last_said(self, changes: Sequence[ChangeRecord]) -> Json | None:
        """The reply among the changes, as far as it is shown."""
        for change in changes:
            said = None
            if isinstance(change, ReplyCreated):
                said = change.value
            elif isinstance(change, ReplyResent):
                said = await self.reply((change.source, change.id))
            if said is not None:
                return {name: said.get(name) for name in _OF_REPLY} | ({"dry_run": True} if "dry_run" in said else {})
        return None


def _deciding(route: Route, inbound: InboundRecord) -> Callable[[Transaction], Any]:
    return lambda tx: tx.decide([inbound], route.handlers, route.known_upfront)


async def _one_by_one(records: Iterable[LineRecord]) -> AsyncIterator[Batch]:
    """Each as Kafka would have it: behind all that is there, and of now where it has no timestamp."""
    now = time.time_ns() // 1_000_000
    for offset, record in enumerate(records):
        timestamp = now if record.timestamp == NO_TIMESTAMP else record.timestamp
        placed = record._replace(partition=_PARTITION, offset=offset, timestamp=timestamp)
        at = RunPartition(_PARTITION, offset, offset + 1, offset, offset)
        yield Batch([decode(record.topic, placed)], at, at._replace(next_offset=offset + 1))


def _expected(line: int, inbound: InboundRecord, judge: _Judge) -> Expected:
    reason = inbound.dead_letter_reason
    code, detail = (None, None) if reason is None else (str(reason.code), reason.detail)
    topic = inbound.cause.topic or ""
    return Expected(line, topic, str(inbound.outcome), judge.reply, judge.published, code, detail)
