"""What a decision changed, as events to publish: value, key, headers, partition (P1, P2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Self

import asyncpg

from handlers.world import World
from handlers.world.changes import (
    AuditEntry,
    Cause,
    ChangeRecord,
    DoctorChange,
    LinkChange,
    ReplyCreated,
    ReplyResent,
)
from handlers.world.statistics import Statistics, add_statistics
from infra.offload import run_in_thread_if_large
from infra.outbox_event import Headers
from infra.patient_keys import partition_of
from infra.postgres.inbox import remember_reply, stored_reply
from infra.postgres.outbox import Event, compact_json
from infra.postgres.statistics import current_statistics, remember_statistics
from infra.provenance import RUN_HEADER
from schemas.envelope import shared_headers
from schemas.fields import instant
from schemas.topics import FAST_LAKARKONTAKT, LISTNING_DOCTOR, LISTNING_REPLY

LINK_TYPE = "se.vgregion.1177.fast-lakarkontakt.v1"
WITHDRAWN_TYPE = "se.vgregion.1177.fast-lakarkontakt-withdrawn.v1"
DOCTOR_TYPE = "se.vgregion.listning.doctor.v1"
REPLY_TYPE = "se.vgregion.listning.reply.v1"


class Published(NamedTuple):
    """What a change says to the outside: the topic (the contract's name), the `ce_id`, and a word for what it says."""

    topic: str
    id: str
    what: str


def published(change: ChangeRecord) -> Published | None:
    """What is published for a change; None for what only the audit trail learns. `EventBuilder` builds it."""
    match change:
        case LinkChange():
            return Published(FAST_LAKARKONTAKT, f"{change.key}/{change.revision}", f"{change.change}/{change.reason}")
        case DoctorChange():
            what = "withdrawn" if change.payload is None else "published"
            return Published(LISTNING_DOCTOR, f"{change.pair.unit}/{change.pair.doctor}/{change.revision}", what)
        case ReplyCreated():
            return Published(LISTNING_REPLY, f"reply/{change.cause.source}/{change.cause.id}", change.value["outcome"])
        case ReplyResent():
            return Published(LISTNING_REPLY, f"reply/{change.source}/{change.id}", "resent")
        case AuditEntry():
            return None


class EventBuilder:
    """Builds events of what decisions changed; `source` is the `ce_source` of all of them; `run` the id of the
    operator's run that causes them, where one does (O6)."""

    def __init__(self, source: str, partitions: Mapping[str, int], run: str | None = None) -> None:
        """`partitions`: how many each output topic has, by the contract's names."""
        self._source = source
        self._partitions = partitions
        self._run: Headers = [] if run is None else [(RUN_HEADER, run.encode())]
        self._last: tuple[Cause | None, str, Headers] = (None, "", [])

    def of_run(self, run: str) -> Self:
        """The same for what a run causes."""
        return type(self)(self._source, self._partitions, run)

    def partitions(self, topic: str) -> int:
        """How many partitions the topic has."""
        return self._partitions[topic]

    async def links(self, world: World) -> list[Event]:
        """What the world's changes say to 1177, in the order they happened; needs no database, so others may go on."""
        changes = world.changes.records
        return await run_in_thread_if_large(
            len(changes), lambda: [self._link(c) for c in changes if isinstance(c, LinkChange)]
        )

    async def build(self, pg: asyncpg.Connection, world: World, links: Iterable[Event]) -> list[Event]:
        """What the world's changes say to the outside, in the order they happened; `links` are those to 1177. Replies
        are remembered (C2)."""
        link_events = iter(links)
        published = [c.pair for c in world.changes.records if isinstance(c, DoctorChange) and c.payload is not None]
        statistics = await current_statistics(pg, published) if published else {}
        events = []
        for change in world.changes.records:
            match change:
                case LinkChange():
                    events.append(next(link_events))
                case DoctorChange():
                    events.append(self.doctor(change, statistics.get(change.pair)))
                case ReplyCreated():
                    event = self._reply(change)
                    await remember_reply(pg, (change.cause.source, change.cause.id), [event])
                    events.append(event)
                case ReplyResent():
                    again = await stored_reply(pg, (change.source, change.id))
                    if change.asked_by is not None:
                        await remember_reply(pg, change.asked_by, again)
                    events += [event._replace(headers=event.headers + self._run) for event in again]
        if statistics:
            await remember_statistics(pg, statistics)
        return events

    def doctor(self, change: DoctorChange, statistics: Statistics | None) -> Event:
        """A doctor's availability at a unit, or that the pair is gone."""
        key = f"{change.pair.unit}/{change.pair.doctor}"
        value = None
        if change.payload is not None:
            value = compact_json(
                add_statistics(change.payload, statistics or Statistics(0, 0.0), instant(change.cause.time))
            )
        headers = self._headers(f"{key}/{change.revision}", DOCTOR_TYPE, change.cause)
        return self._event(LISTNING_DOCTOR, key, value, headers)

    def _link(self, change: LinkChange) -> Event:
        type_ = WITHDRAWN_TYPE if change.value is None else LINK_TYPE
        headers = self._headers(f"{change.key}/{change.revision}", type_, change.cause, subject=change.key)
        value = None if change.value is None else compact_json(change.value)
        return Event(FAST_LAKARKONTAKT, change.partition, change.key.encode(), value, headers)

    def _reply(self, change: ReplyCreated) -> Event:
        headers = self._headers(f"reply/{change.cause.source}/{change.cause.id}", REPLY_TYPE, change.cause)
        return self._event(LISTNING_REPLY, change.unit, compact_json(change.value), headers)

    def _event(self, topic: str, key: str, value: bytes | None, headers: Headers) -> Event:
        encoded = key.encode()
        return Event(topic, partition_of(encoded, self._partitions[topic]), encoded, value, headers)

    def _headers(self, id: str, type_: str, cause: Cause, *, subject: str | None = None) -> Headers:
        last_cause, last_type, shared = self._last  # a file's or a doctor's thousands of events have one cause
        if cause is not last_cause or type_ != last_type:
            trace = (cause.correlation_id, cause.traceparent, cause.tracestate)
            shared = [*shared_headers(self._source, type_, cause.time, *trace), *self._run]
            self._last = cause, type_, shared
        own: Headers = [("ce_id", id.encode())]
        if subject is not None:
            own.append(("ce_subject", subject.encode()))
        return own + shared
