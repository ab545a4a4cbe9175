"""listning.command.v1: what vårdcentraler ask for, each partition by itself; others' commands do not wait for a file.

A file of 22 000 rows is judged in one transaction, which takes a second. Commands that lie behind it in its partition
are handled before their turn, in transactions of their own, unless they are of the same unit (record 0025).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, compress
from operator import not_
from time import perf_counter

import asyncpg

from handlers import command
from handlers.decide import Handlers
from handlers.world.changes import Outcome, RepliedAgain
from infra.errors import fingerprint
from infra.failpoints import hit
from infra.logs import log
from infra.postgres import offsets
from infra.postgres.inbox import remember
from infra.postgres.offsets import Position
from schemas.command import COMMANDS, ImportLinks
from schemas.envelope import Record
from schemas.topics import LISTNING_COMMAND
from workers.pipeline.inbound import Read, reading
from workers.pipeline.processor import Batches, reached
from workers.pipeline.transaction import Transaction, transact
from workers.runtime import Runtime

HANDLERS: Handlers = dict.fromkeys(COMMANDS, command)
#: records of one partition that may wait behind a file before no more are fetched
_WAITING = 500


@dataclass(slots=True)
class Lane:
    """The records of one partition, in the order of their offsets: the batch in hand, and those that wait for it."""

    in_hand: list[Read] = field(default_factory=list)
    waiting: deque[Read] = field(default_factory=deque)
    more: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def open(self) -> bool:
        """Whether records that come now may be handled before those that are here."""
        return len(self.waiting) < _WAITING and any(map(_is_file, chain(self.in_hand, self.waiting)))

    def add(self, batch: Iterable[Read]) -> None:
        """They have come."""
        self.waiting.extend(batch)
        self.more.set()

    def next(self) -> list[Read]:
        """The next batch, in hand from now on: parts of files, or what lies before the next of them. Empty at the
        end."""
        self.in_hand = []
        while self.waiting and _is_file(self.waiting[0]) == _is_file((self.in_hand or self.waiting)[0]):
            self.in_hand.append(self.waiting.popleft())
        return self.in_hand

    def early(self) -> list[Read]:
        """Those whose turn need not be waited for: nothing before them has their key or is of their unit."""
        before = {name for read in self.in_hand for name in _names(read)}
        found: list[Read] = []
        for read in self.waiting:
            if read.ahead:
                continue
            if read.dead is not None or read.in_turn or _is_file(read) or not before.isdisjoint(_names(read)):
                before |= _names(read)
            else:
                found.append(read)
        return found


@dataclass(slots=True, frozen=True)
class Ahead:
    """The fence of records that are handled before their turn: their partition does not move on."""

    topic: str
    held: Position
    batch: Sequence[Read]

    async def enter(self, pg: asyncpg.Connection) -> None:
        """Marks them, and those that were marked already. Raises Fenced where the partition is no longer ours."""
        at = {read.record.offset: read for read in self.batch}
        new = await offsets.ahead(pg, self.topic, self.batch[0].record.partition, self.held, list(at))
        for offset, read in at.items():
            read.ahead = offset not in new


class Commands(Batches):
    """Batches of one partition each, so that what takes long in one delays no other."""

    def __init__(self, parts: Runtime, *, in_flight: int) -> None:
        super().__init__(LISTNING_COMMAND, HANDLERS, parts, in_flight=in_flight)
        self._lanes: dict[int, Lane] = {}

    async def handle(self, records: Sequence[Record], taken_under: int | None = 0) -> None:
        """As any batch, but each partition's records go behind those of it that are in hand."""
        by_partition: dict[int, list[Record]] = {}
        for record in records:
            by_partition.setdefault(record.partition, []).append(record)
        for partition, batch in by_partition.items():
            if not self.holds(taken_under):
                return
            lane = self._lanes.get(partition)
            if lane is None:
                lane = self._lanes[partition] = Lane()
                lane.add(reading(self.topic, record) for record in batch)
                await self.run(self._work_off(partition, lane), frozenset({partition}))
            else:
                lane.add(reading(self.topic, record) for record in batch)

    @property
    def busy(self) -> frozenset[int]:
        """The partitions of which no further record may come now."""
        return super().busy - {partition for partition, lane in self._lanes.items() if lane.open}

    async def _work_off(self, partition: int, lane: Lane) -> None:
        try:
            while batch := lane.next():
                turn = asyncio.create_task(self.apply(batch))
                if _is_file(batch[0]):
                    await self._others_beside(turn, lane)
                await turn
        finally:
            del self._lanes[partition]

    async def _others_beside(self, turn: asyncio.Task[None], lane: Lane) -> None:
        while not turn.done():
            lane.more.clear()
            early = [] if self.assignment is None else lane.early()
            if early:
                await self._go_ahead(early)
            else:
                more = asyncio.create_task(lane.more.wait())
                await asyncio.wait({turn, more}, return_when=asyncio.FIRST_COMPLETED)
                more.cancel()

    async def _go_ahead(self, batch: list[Read]) -> None:
        """Handles them before their turn if nothing is in the way. One try: what fails, whatever the reason, is handled
        in its turn."""
        started = perf_counter()
        held = self.positions.get(batch[0].record.partition)
        try:
            if held is not None:
                await transact(self.parts, Ahead(self.topic, held, batch), lambda tx: self.decide(tx, batch))
                self.tell(batch, perf_counter() - started)
        except Exception as error:  # noqa: BLE001  # in its turn it is looked into
            log.info("not handled ahead", topic=self.topic, why=fingerprint(error).detail)
            held = None
        for read in batch:
            read.ahead, read.in_turn = held is not None, held is None

    async def _decide(self, tx: Transaction, batch: list[Read]) -> None:
        if any(read.in_turn for read in batch):  # the attempt may still be committing, its answer lost
            await offsets.alone(tx.pg, self.topic, reached(batch))
        passed = await offsets.passed(tx.pg, self.topic, reached(batch))
        for read in batch:
            read.ahead = (read.record.partition, read.record.offset) in passed
        await super()._decide(tx, batch)

    async def decide(self, tx: Transaction, readable: list[Read]) -> None:
        """Those of an id known already are answered with the stored reply."""
        due = [read for read in readable if not read.ahead]
        new = await remember(tx.pg, [(read.cause.source, read.cause.id) for read in due])
        hit("batch:2-inbox")
        await super().decide(tx, list(compress(due, new)))
        for read in compress(due, map(not_, new)):
            read.outcome = Outcome.REPEATED
            tx.world.changes.append(RepliedAgain(read.cause.source, read.cause.id))


def _is_file(read: Read) -> bool:
    return isinstance(read.event, ImportLinks)


def _names(read: Read) -> set[bytes | None]:
    """Whose order a record must keep: its key's and its unit's."""
    return {read.record.key} if read.event is None else {read.record.key, read.event.unit_hsa_id.encode()}
