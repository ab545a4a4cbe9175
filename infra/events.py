"""Turns what a decision said into events in the outbox: value, key, headers, a gap-free place in a shard (P1-P4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import asyncpg
import orjson

from handlers.world import World
from handlers.world.changes import Cause, DoctorChange, LinkChange, Pair, Replied, RepliedAgain
from handlers.world.statistics import Figures, with_figures
from infra.compact import compact_json
from infra.failpoints import hit
from infra.offload import aside
from infra.patient_keys import command_name, partition_of
from infra.postgres.outbox import Headers, Outgoing, pack, unpack
from schemas.envelope import shared_headers
from schemas.fields import instant
from schemas.topics import FAST_LAKARKONTAKT, LISTNING_DOCTOR, LISTNING_REPLY

LINK_TYPE = "se.vgregion.1177.fast-lakarkontakt.v1"
WITHDRAWN_TYPE = "se.vgregion.1177.fast-lakarkontakt-withdrawn.v1"
DOCTOR_TYPE = "se.vgregion.listning.doctor.v1"
REPLY_TYPE = "se.vgregion.listning.reply.v1"


class Event(NamedTuple):
    """An event to publish; `topic` is the name of the contract."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers


_ALLOCATE = """
WITH wanted AS (SELECT * FROM unnest($1::smallint[], $2::bigint[]) AS wanted(shard, number)),
     locked AS (SELECT shard FROM outbox_shard WHERE shard = ANY($1) ORDER BY shard FOR NO KEY UPDATE)
UPDATE outbox_shard AS held SET last_seq = held.last_seq + wanted.number
FROM wanted JOIN locked USING (shard) WHERE held.shard = wanted.shard
RETURNING held.shard, held.last_seq - wanted.number
"""
_FIGURES = """
SELECT link.unit, link.doctor, count(*), coalesce(sum(care_burden::numeric), 0)::float8
FROM link JOIN patient ON patient.id = link.patient_id
WHERE (link.unit, link.doctor) IN (SELECT * FROM unnest($1::text[], $2::text[]))
GROUP BY link.unit, link.doctor
"""
_REMEMBER_FIGURES = """
UPDATE roster SET figures = new.figures FROM unnest($1::text[], $2::text[], $3::jsonb[]) AS new(unit, doctor, figures)
WHERE roster.unit = new.unit AND roster.doctor = new.doctor
"""
_REMEMBER_REPLY = """
INSERT INTO command (name, partition, key, value, headers) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (name) DO UPDATE
SET (partition, key, value, headers) = ROW(excluded.partition, excluded.key, excluded.value, excluded.headers)
"""
_REPLY = "SELECT partition, key, value, headers FROM command WHERE name = $1 AND headers IS NOT NULL"


class Publisher:
    """Knows where events go: the source they name, and the shards of the installation."""

    def __init__(self, source: str, shards: Mapping[tuple[str, int], int], partitions: Mapping[str, int]) -> None:
        """`shards` by topic and partition, `partitions` by topic, both under the names of the contract."""
        self._source = source
        self._shards = shards
        self._partitions = partitions
        self._last: tuple[Cause | None, str, Headers] = (None, "", [])

    def partitions(self, topic: str) -> int:
        """How many partitions the topic has."""
        return self._partitions[topic]

    async def links(self, world: World) -> list[Event]:
        """What the world's changes say to 1177, in the order they happened; needs no database, so others may go on."""
        changes = world.changes
        return await aside(len(changes), lambda: [self._link(c) for c in changes if isinstance(c, LinkChange)])

    async def events(self, pg: asyncpg.Connection, world: World, links: Iterable[Event]) -> list[Event]:
        """What the world's changes say to the outside, in the order they happened; `links` are those to 1177. Replies
        are remembered (C2)."""
        told = iter(links)
        spoken = [c.pair for c in world.changes if isinstance(c, DoctorChange) and c.core is not None]
        figures = await current_figures(pg, spoken) if spoken else {}
        events = []
        for change in world.changes:
            match change:
                case LinkChange():
                    events.append(next(told))
                case DoctorChange():
                    events.append(self.doctor(change, figures.get(change.pair)))
                case Replied():
                    event = self._reply(change)
                    await _remember_reply(pg, (change.cause.source, change.cause.id), [event])
                    events.append(event)
                case RepliedAgain():
                    again = await self.reply_again(pg, change.source, change.id)
                    if change.asked_by is not None:
                        await _remember_reply(pg, change.asked_by, again)
                    events += again
        if figures:
            await remember_figures(pg, figures)
        return events

    async def reply_again(self, pg: asyncpg.Connection, source: str, id: str) -> list[Event]:
        """The stored reply to a command, none where it had none (an import's part that waited)."""
        row = await pg.fetchrow(_REPLY, command_name(source, id))
        return [] if row is None else [Event(LISTNING_REPLY, row[0], row[1], row[2], unpack(row[3]))]

    async def write(self, pg: asyncpg.Connection, events: Iterable[Event]) -> list[Outgoing]:
        """Gives every event its place, last of all in the transaction, and writes the outbox."""
        by_shard: dict[int, list[Event]] = defaultdict(list)
        for event in events:
            by_shard[self._shards[event.topic, event.partition]].append(event)
        if not by_shard:
            return []
        shards = sorted(by_shard)
        start = dict(await pg.fetch(_ALLOCATE, shards, [len(by_shard[shard]) for shard in shards]))
        outgoing = [
            Outgoing(shard, seq, event.key, event.value, event.headers)
            for shard in shards
            for seq, event in enumerate(by_shard[shard], start=start[shard] + 1)
        ]
        await pg.copy_records_to_table("outbox", records=_records(outgoing))
        return outgoing

    def doctor(self, change: DoctorChange, figures: Figures | None) -> Event:
        """A doctor's availability at a unit, or that the pair is gone."""
        key = f"{change.pair.unit}/{change.pair.doctor}"
        value = None
        if change.core is not None:
            value = compact_json(with_figures(change.core, figures or Figures(0, 0.0), instant(change.cause.time)))
        headers = self._headers(f"{key}/{change.revision}", DOCTOR_TYPE, change.cause)
        return self._event(LISTNING_DOCTOR, key, value, headers)

    def _link(self, change: LinkChange) -> Event:
        type_ = WITHDRAWN_TYPE if change.value is None else LINK_TYPE
        headers = self._headers(f"{change.key}/{change.revision}", type_, change.cause, subject=change.key)
        value = None if change.value is None else compact_json(change.value)
        return Event(FAST_LAKARKONTAKT, change.partition, change.key.encode(), value, headers)

    def _reply(self, change: Replied) -> Event:
        headers = self._headers(f"reply/{change.cause.source}/{change.cause.id}", REPLY_TYPE, change.cause)
        return self._event(LISTNING_REPLY, change.unit, compact_json(change.value), headers)

    def _event(self, topic: str, key: str, value: bytes | None, headers: Headers) -> Event:
        encoded = key.encode()
        return Event(topic, partition_of(encoded, self._partitions[topic]), encoded, value, headers)

    def _headers(self, id: str, type_: str, cause: Cause, *, subject: str | None = None) -> Headers:
        last_cause, last_type, shared = self._last  # a file's or a doctor's thousands of events have one cause
        if cause is not last_cause or type_ != last_type:
            trace = (cause.correlation_id, cause.traceparent, cause.tracestate)
            shared = [*shared_headers(self._source, type_, cause.time, *trace)]
            self._last = cause, type_, shared
        own: Headers = [("ce_id", id.encode())]
        if subject is not None:
            own.append(("ce_subject", subject.encode()))
        return own + shared


async def _remember_reply(pg: asyncpg.Connection, command: tuple[str, str], replies: Iterable[Event]) -> None:
    for event in replies:
        await pg.execute(_REMEMBER_REPLY, command_name(*command), *event[1:4], pack(event.headers))


def _records(outgoing: Iterable[Outgoing]) -> Iterator[tuple[Any, ...]]:
    """The rows of `outbox`, made while they are copied."""
    for event in outgoing:
        yield event.shard, event.seq, event.key, event.value, pack(event.headers)
    hit("batch:6-copying")


async def current_figures(pg: asyncpg.Connection, pairs: Iterable[Pair]) -> dict[Pair, Figures]:
    """Patients and care burden of every pair asked for, as the tables have them now."""
    found = {pair: Figures(0, 0.0) for pair in pairs}
    units, doctors = [pair.unit for pair in found], [pair.doctor for pair in found]
    for unit, doctor, number, burden in await pg.fetch(_FIGURES, units, doctors):
        found[Pair(unit, doctor)] = Figures(number, burden)
    return found


async def remember_figures(pg: asyncpg.Connection, figures: Mapping[Pair, Figures]) -> None:
    """These figures were said last, so that the same are not said again."""
    units, doctors = [pair.unit for pair in figures], [pair.doctor for pair in figures]
    packed = [orjson.dumps(list(said)).decode() for said in figures.values()]
    await pg.execute(_REMEMBER_FIGURES, units, doctors, packed)
