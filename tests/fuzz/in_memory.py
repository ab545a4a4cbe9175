"""Records through reading and deciding in memory: the service's own code, and no database but the region in memory."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import orjson

from handlers.decide import decide_batch
from handlers.world.changes import AuditEntry, DoctorChange, LinkChange, Outcome, ReplyCreated, ReplyResent
from handlers.world.statistics import Statistics
from infra.events import EventBuilder
from infra.failures import failure_reason
from infra.postgres.outbox import Event
from schemas.envelope import by_name, is_structured
from schemas.topics import LISTNING_CLOCK, LISTNING_COMMAND, TOPICS
from tests.fuzz.bends import READ
from tests.fuzz.checks import faults
from tests.fuzz.findings import where_of
from tests.fuzz.region import KeyedRegion
from tests.fuzz.report import Report, size
from tests.fuzz.stream import FuzzedRecord, chapters
from tests.harness.published import allows
from workers.pipeline.dead_letters import dead_letter, dead_letter_event
from workers.pipeline.inbound import InboundRecord, decodable, decode
from workers.pipeline.route import Route
from workers.routes import ROUTES

#: the service's own, by topic
ROUTE_OF: Mapping[str, Route] = {route.topic: route for route in ROUTES.values()}
_NOW = datetime(2026, 5, 26, 8, tzinfo=UTC)
_PARTITIONS = {topic.name: 12 for topic in TOPICS}
_CE_TYPES = {model: ce_type for topic in TOPICS for ce_type, model in topic.messages.items()}
#: CPU seconds that a batch may take: for itself, each byte that comes in, and each event that comes out
_SECONDS, _SECONDS_A_BYTE, _SECONDS_AN_EVENT = 0.5, 5e-6, 1e-3


class Reader:
    """Handles batches as the pipeline does: what fails is halved until the record that causes it stands alone."""

    def __init__(self, report: Report, chapter: int, route_of: Mapping[str, Route] = ROUTE_OF) -> None:
        self.report = report
        self._route_of = route_of
        self._where = f"seed {report.seed}, chapter {chapter}:"
        self._region = KeyedRegion()
        self._events = EventBuilder("fastlakare", _PARTITIONS)
        self._replies: dict[tuple[str, str], Event] = {}
        self._commands: set[tuple[str, str]] = set()
        #: bytes of the texts in all audit rows
        self.audited = 0

    def feed(self, topic: str, records: Sequence[FuzzedRecord]) -> None:
        """Reads a batch of one topic and decides on it, and holds all that comes of it against the contract."""
        began = time.thread_time()
        self.report.records += len(records)
        try:
            batch = [decode(topic, record) for record in records]
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            if len(records) > 1:
                self.report.records -= len(records)
                for record in records:
                    self.feed(topic, [record])
                return
            self.report.findings.add(f"reading raised {where_of(error)}", records[0], self._where)
            self.report.outcomes["none"] += 1
            return
        events = self._apply(topic, batch)
        self._judge(batch, events, time.thread_time() - began)

    def events_of(self, topic: str, records: Sequence[FuzzedRecord]) -> list[Event]:
        """What comes of a batch, and no questions asked. Raises what reading raises."""
        return self._apply(topic, [decode(topic, record) for record in records])

    def copy(self) -> Reader:
        """Another of the same region, to have something else happen to."""
        other = Reader(self.report, 0, self._route_of)
        other._region = deepcopy(self._region)
        return other

    def linked(self) -> int:
        """How many patients have a doctor."""
        return sum(patient.link is not None for patient in self._region.patients.values())

    def _apply(self, topic: str, batch: list[InboundRecord]) -> list[Event]:
        try:
            return self._commit(topic, batch)
        except Exception as error:  # noqa: BLE001 - as the pipeline does
            if len(batch) > 1:
                middle = len(batch) // 2
                return self._apply(topic, batch[:middle]) + self._apply(topic, batch[middle:])
            (inbound,) = batch
            self.report.findings.add(f"{topic}: the handler failed: {where_of(error)}", inbound.record,  # type: ignore[arg-type]
                                     self._where)  # fmt: skip
            inbound.dead_letter_reason = failure_reason(error)
            return self._dead_letters(topic, batch)

    def _commit(self, topic: str, batch: list[InboundRecord]) -> list[Event]:
        """One batch, all or nothing. Raises what a decision raises."""
        for inbound in batch:
            inbound.outcome = None  # type: ignore[assignment]
        if topic == LISTNING_CLOCK:
            events = [event for inbound in batch for event in self._begin_days(inbound)]
        else:
            events = self._decide(topic, decodable(batch))
        return events + self._dead_letters(topic, batch)

    def _dead_letters(self, topic: str, batch: list[InboundRecord]) -> list[Event]:
        """As `workers.pipeline.dead_letters.add_dead_letters`, without its counter in the database."""
        letters = []
        for inbound in batch:
            reason = inbound.dead_letter_reason
            if reason is not None:
                inbound.outcome = Outcome.DEAD
                letters.append(dead_letter_event(dead_letter(topic, inbound, reason, _NOW), topic, partitions=12))
        return letters

    def _begin_days(self, inbound: InboundRecord) -> list[Event]:
        if inbound.dead_letter_reason is not None:
            return []
        applied = self._region.begin_days(inbound.event.day, inbound.cause)
        inbound.outcome = Outcome.APPLIED if applied else Outcome.UNCHANGED
        return self._built()

    def _decide(self, topic: str, batch: list[InboundRecord]) -> list[Event]:
        region, route = self._region, self._route_of[topic]
        new, known = self._new(batch) if topic == LISTNING_COMMAND else (batch, [])
        world = region.world()
        decision = decide_batch(
            [(inbound.event, inbound.cause) for inbound in new], route.handlers, world, route.known_upfront
        )
        outcomes = region.drive(decision, world)
        for inbound, outcome in zip(new, outcomes, strict=True):
            inbound.outcome = outcome
        for inbound in known:
            inbound.outcome = Outcome.REPEATED
            world.changes.record(ReplyResent(inbound.cause.source, inbound.cause.id))
        region.save(world)
        self._commands.update((inbound.cause.source, inbound.cause.id) for inbound in new)
        return self._built()

    def _new(self, batch: list[InboundRecord]) -> tuple[list[InboundRecord], list[InboundRecord]]:
        """Commands of ids never seen, and those seen before (C2)."""
        seen: set[tuple[str, str]] = set()
        new: list[InboundRecord] = []
        known: list[InboundRecord] = []
        for inbound in batch:
            who = (inbound.cause.source, inbound.cause.id)
            (known if who in self._commands or who in seen else new).append(inbound)
            seen.add(who)
        return new, known

    def _built(self) -> list[Event]:
        """What the changes say to the outside."""
        changes, self._region.changes = self._region.changes, []
        self.audited += sum(map(_audit_bytes, changes))
        return [event for change in changes for event in self._event(change)]

    def _event(self, change: object) -> Iterator[Event]:
        match change:
            case LinkChange():
                yield self._events._link(change)
            case DoctorChange():
                linked = self._region.linked(change.pair.doctor, change.pair.unit)
                burden = sum(self._region.patients[number].care_burden or 0.0 for number in linked)
                yield self._events.doctor(change, Statistics(len(linked), burden))
            case ReplyCreated():
                event = self._events._reply(change)
                self._replies[change.cause.source, change.cause.id] = event
                yield event
            case ReplyResent():
                again = self._replies.get((change.source, change.id))
                if again is not None:
                    if change.asked_by is not None:
                        self._replies[change.asked_by] = again
                    yield again

    def _judge(self, batch: list[InboundRecord], events: list[Event], seconds: float) -> None:
        report = self.report
        came_in = [size(inbound.record) for inbound in batch]
        allowed = _SECONDS + _SECONDS_A_BYTE * sum(came_in) + _SECONDS_AN_EVENT * len(events)
        if seconds > allowed:
            worst = max(batch, key=lambda inbound: len(inbound.record.value or b""))
            self._found(f"a batch took more than {_SECONDS} s + {_SECONDS_A_BYTE * 1e6} s/MB", worst)
        for inbound in batch:
            self._judge_outcome(inbound)
        largest = max(came_in)
        rows = self._rows(batch) if batch[0].record.topic == LISTNING_COMMAND else 0
        for event in events:
            report.events[event.topic] += 1
            for fault in faults(event, largest, rows):
                report.findings.add(fault, batch[0].record, f"{self._where} {event!r:.300} of batch")  # type: ignore[arg-type]

    def _rows(self, batch: list[InboundRecord]) -> int:
        """As many as a reply of the batch may have to name."""
        given = [one.event for one in batch if one.event is not None]
        rows = sum(len(getattr(one, "rows", ())) + len(getattr(one, "patient_ids", None) or ()) for one in given)
        waiting = [part for one in self._region.imports.values() for part in one.parts.values()]
        return rows + sum(len(part.rows or ()) for part in waiting)

    def _judge_outcome(self, inbound: InboundRecord) -> None:
        report, reason = self.report, inbound.dead_letter_reason
        record: FuzzedRecord = inbound.record  # type: ignore[assignment]
        report.outcomes[str(inbound.outcome)] += 1
        if inbound.outcome not in Outcome or (inbound.outcome is Outcome.DEAD) != (reason is not None):
            self._found(f"no single outcome: {inbound.outcome}", inbound)
        decided = reason is None and inbound.outcome not in (Outcome.REFUSED, Outcome.REPEATED)
        if decided and not _allowed(inbound):
            self._found(f"{record.topic}: read, though AsyncAPI's schema does not allow it", inbound)
        report.judge(record, READ if reason is None else str(reason.code), reason and reason.detail, self._where)

    def _found(self, kind: str, inbound: InboundRecord) -> None:
        self.report.findings.add(kind, inbound.record, self._where)  # type: ignore[arg-type]


def _audit_bytes(change: object) -> int:
    """The texts of the row that `infra.postgres.audit` writes of a change."""
    if not isinstance(change, LinkChange | AuditEntry):
        return 0
    cause = change.cause
    texts = (change.reason, change.unit, change.doctor, cause.source, cause.id, cause.actor, cause.role)
    return sum(len(text.encode(errors="replace")) for text in texts if text is not None)


def _allowed(inbound: InboundRecord) -> bool:
    """Whether the published schema allows the data that was read; a number beyond every float is nobody's promise."""
    ce_type = _CE_TYPES.get(type(inbound.event))
    if ce_type is None or inbound.record.value is None:
        return True
    try:
        data = orjson.loads(inbound.record.value)
    except orjson.JSONDecodeError:
        return True
    whole = is_structured(by_name(inbound.record.headers))
    return allows(inbound.record.topic, ce_type, _without_nulls(data["data"] if whole else data))


def _without_nulls(data: Any) -> Any:
    """A null is the field left out, wherever one is taken."""
    if isinstance(data, dict):
        return {name: _without_nulls(inner) for name, inner in data.items() if inner is not None}
    return [_without_nulls(inner) for inner in data] if isinstance(data, list) else data


def run(seed: int, records: int) -> Iterator[Report]:
    """The report so far, after every chapter and a few times within."""
    report = Report(seed)
    began = time.perf_counter()
    for number, runs in chapters(seed, records):
        reader = Reader(report, number)
        sizes = random.Random(f"{seed}/{number}/sizes")
        for batch in runs:
            start = 0
            while start < len(batch):
                size = 1 + int(sizes.random() ** 2 * len(batch))
                reader.feed(batch[0].topic, batch[start : start + size])
                start += size
            report.seconds = time.perf_counter() - began
            yield report
