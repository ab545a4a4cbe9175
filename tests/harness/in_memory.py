"""The handlers in memory, fed with records as the service is, and what 1177 and the others would have heard."""

from __future__ import annotations

from datetime import date
from typing import Any

from handlers import listing, staff, unit
from handlers.decide import decide_batch
from handlers.world.changes import Cause, DoctorChange, LinkChange, ReplyCreated, ReplyResent
from handlers.world.statistics import Statistics, add_statistics
from schemas.read import Tombstone
from tests.harness.consumer_record import ConsumerRecord
from tests.harness.observed import Observed, ObservedEvent, letter
from tests.harness.records import CLOCK, COMMAND, LISTING, STAFF, UNIT, Data, Record
from tests.harness.region import HANDLERS, Region
from tests.model.ids import patient_key
from tests.model.state import Settings
from workers.pipeline.inbound import decode

SETTINGS = Settings()
TOMBSTONES = {STAFF: staff, UNIT: unit, LISTING: listing}


class InMemory:
    """The handlers over a region in memory, and what the worker does around them: commands are remembered (C2)."""

    def __init__(self, region: Region | None = None) -> None:
        self.region = region or Region(today=date.min)
        self.observed = Observed()
        self._replies: dict[tuple[str, str], tuple[str, Data]] = {}
        self._known: set[tuple[str, str]] = set()
        self._mark = 0

    def feed(self, record: Record) -> None:
        """Reads and decides one record."""
        wire = ConsumerRecord(record.topic, 0, 0, record.value, None if record.key is None else record.key.encode(),
                   list(record.headers), record.timestamp)  # fmt: skip
        inbound = decode(record.topic, wire)
        if inbound.dead_letter_reason is not None:
            self.observed.dead[letter(record, str(inbound.dead_letter_reason.code))] += 1
            outcome = "dead"
        else:
            outcome = self._decide(record, inbound.event, inbound.cause)
            self._listen()
        self.observed.outcomes[record.topic, outcome] += 1

    def _decide(self, record: Record, data: Any, cause: Cause) -> str:
        region, who = self.region, (cause.source, cause.id)
        if record.topic == CLOCK:
            if region.today >= data.day:
                return "unchanged"
            if region.today == date.min:
                region.today = data.day
            else:
                region.day_begins(data.day, at=cause.time)
            return "applied"
        if record.topic == COMMAND and who in self._known:
            region.changes.append(ReplyResent(*who))
            return "repeated"
        self._known.add(who)
        handlers = dict(HANDLERS)
        if isinstance(data, Tombstone):
            handlers[Tombstone] = TOMBSTONES[record.topic]
        world = region.world()
        (outcome,) = region.drive(decide_batch([(data, cause)], handlers, world), world)
        region.save(world)
        return str(outcome)

    def _listen(self) -> None:
        new, self._mark = self.region.changes[self._mark :], len(self.region.changes)
        for change in new:
            match change:
                case LinkChange():
                    key = patient_key(f"{change.patient_id:012d}", SETTINGS.secret)
                    self.observed.events.setdefault(key, []).append(
                        ObservedEvent(change.value, change.cause.correlation_id)
                    )
                case ReplyCreated():
                    who = change.cause.source, change.cause.id
                    self._replies[who] = f"reply/{who[0]}/{who[1]}", change.value
                    self._answer(self._replies[who])
                case ReplyResent() if (reply := self._replies.get((change.source, change.id))) is not None:
                    if change.asked_by is not None:
                        self._replies[change.asked_by] = reply
                    self._answer(reply)
                case DoctorChange():
                    self.observed.doctors[f"{change.pair.unit}/{change.pair.doctor}"] = None

    def _answer(self, reply: tuple[str, Data]) -> None:
        self.observed.replies.setdefault(reply[0], []).append(reply[1])

    def observed_in_the_end(self) -> Observed:
        """All that was heard; doctors with the figures they have by now."""
        for key in self.observed.doctors:
            at, doctor = key.split("/")
            core = self.region.doctor_record(doctor, at)
            if core is not None:
                linked = self.region.linked(doctor, at)
                burden = sum(self.region.patients[number].care_burden or 0 for number in linked)
                self.observed.doctors[key] = add_statistics(
                    core, Statistics(len(linked), burden), "2026-05-26T12:00:00Z"
                )
        return self.observed
