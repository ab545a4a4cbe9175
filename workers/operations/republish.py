"""Republish: the present state of patients and doctors is said once more (operations.md, Republish).

What is said is the newest record of each key as it stands in its topic, byte for byte (a null value that compaction has
taken is made anew), and only where it is of the
revision that the database has come to, which is asked under the lock that every change of the key takes. Where the
service has said something newer meanwhile, that is the present state, and the record is left out as `stale`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

from aiokafka import TopicPartition

from handlers.world.changes import Cause, Outcome
from infra.events import DOCTOR_TYPE, WITHDRAWN_TYPE
from infra.kafka.ranges import RangeCounts, StoredRecord, read_range
from infra.kafka.tail import SEQUENCE_HEADER
from infra.outbox_event import Headers
from infra.patient_keys import PatientKeys, partition_of
from infra.postgres.connection import checkout
from infra.postgres.outbox import Event
from infra.postgres.republish import pair_revisions, patient_revisions, withdrawn
from infra.postgres.runs import Kind, Run, RunPartition
from infra.provenance import REPUBLISHED_HEADER, RUN_HEADER
from schemas.envelope import Record, binary_headers
from schemas.fast_lakarkontakt import FastLakarkontakt
from schemas.topics import FAST_LAKARKONTAKT
from workers.operations.execution import Execution
from workers.operations.judging import Decide
from workers.operations.ranges import Batch, batches, freeze
from workers.operations.selection import Selection
from workers.operations.session import Session
from workers.operations.verification.told import revision_in
from workers.pipeline import facts
from workers.pipeline.inbound import InboundRecord
from workers.pipeline.route import Route
from workers.pipeline.transaction import Transaction
from workers.runtime import Runtime

#: what the relay and a run before this one have added to a record
_ADDED = frozenset({SEQUENCE_HEADER, RUN_HEADER, REPUBLISHED_HEADER})


@dataclass(frozen=True)
class Chosen:
    """Keys that any of these names: doctors and patients at units, patients by their keys, doctors at a unit
    (`unit/doctor`) with their patients; or all there are."""

    units: frozenset[str] = frozenset()
    patient_keys: frozenset[str] = frozenset()
    pairs: frozenset[str] = frozenset()
    everything: bool = False

    def takes(self, topic: str, key: str, event: Any) -> bool:
        """Whether the key of the topic is one of them, by its newest record; one whose value is null says of nobody
        where they were."""
        if self.everything:
            return True
        if topic != FAST_LAKARKONTAKT:
            return key in self.pairs or key.partition("/")[0] in self.units
        if key in self.patient_keys or not isinstance(event, FastLakarkontakt):
            return key in self.patient_keys
        unit, doctor = event.unit.hsa_id, event.doctor.hsa_id
        return unit in self.units or f"{unit}/{doctor}" in self.pairs

    def as_json(self) -> dict[str, Any]:
        """What a run remembers."""
        names = {"units": self.units, "patient_keys": self.patient_keys, "pairs": self.pairs}
        return {name: sorted(chosen) for name, chosen in names.items()} | {"all": self.everything}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Chosen:
        """What `as_json` was given."""
        units, patient_keys, pairs = (frozenset(content[name]) for name in ("units", "patient_keys", "pairs"))
        return cls(units, patient_keys, pairs, content["all"])


@dataclass(frozen=True)
class Republish:
    """Of one output topic, by the contract's name, the keys that are chosen."""

    topic: str
    chosen: Chosen
    kind: ClassVar[Kind] = "republish"

    @property
    def route(self) -> Route:
        """One without handlers: nothing is decided."""
        return Route(self.topic, {}, facts.commit)

    def decide(self, *, rehearsal: bool) -> Decide:
        """What would be said again."""
        return _say_again(self.topic, None)

    def execution(self, runtime: Runtime, run: Run, waits: Callable[[str | None], None]) -> Execution:
        """What says it again."""

        async def settle(tx: Transaction, batch: Sequence[InboundRecord]) -> None:
            return

        return Execution(runtime, self.route, run, _say_again(self.topic, run.id), waits, settle=settle)

    async def freeze(self, session: Session) -> list[RunPartition]:
        """The whole topic, up to where it ends now; a partition that has lost all of its records is still worked off,
        as null values may be missing there."""
        parts = await freeze(session.reader, session.runtime.settings.topic(self.topic), Selection())
        return [
            part if part.first_offset < part.end_offset or not part.end_offset else _from(part, part.end_offset - 1)
            for part in parts
        ]

    async def batches(self, session: Session, part: RunPartition) -> AsyncIterator[Batch]:
        """The newest records of the chosen keys, of what is left of the partition."""
        settings = session.runtime.settings
        topic, newest = settings.topic(self.topic), await self._newest(session, part)
        selection = _Newest(topic=self.topic, chosen=self.chosen, offsets=newest)
        found = batches(
            session.reader, topic, self.topic, part, selection, session.runtime.keys, settings.batch_records
        )
        last = None
        async for batch in found:
            if last is not None:
                yield last
            last = batch
        if last is not None:
            last.records.extend(await self._withdrawn(session, part, newest.keys()))
            yield last

    async def _withdrawn(self, session: Session, part: RunPartition, known: Set[bytes]) -> list[InboundRecord]:
        """Null values of chosen keys that the topic holds no more, as they must have been: all that is missing is what
        caused them, and when."""
        runtime, found = session.runtime, []
        async with checkout(runtime.engine) as pg:
            keys = await withdrawn(pg, self.topic)
        for key, revision in keys:
            name = key.encode()
            here = partition_of(name, runtime.events.partitions(self.topic)) == part.partition
            if here and name not in known and self.chosen.takes(self.topic, key, None):
                found.append(self._null_value(runtime, part, key, revision))
        return found

    def _null_value(self, runtime: Runtime, part: RunPartition, key: str, revision: int) -> InboundRecord:
        now, subject = datetime.now(UTC), key if self.topic == FAST_LAKARKONTAKT else None
        id, type_ = f"{key}/{revision}", WITHDRAWN_TYPE if subject else DOCTOR_TYPE
        headers: Headers = [*binary_headers(id, runtime.settings.source, type_, now, subject=subject)]
        at = part.end_offset - 1
        record = StoredRecord(self.topic, part.partition, at, int(now.timestamp() * 1000), key.encode(), None, headers)
        return InboundRecord(record, None, Cause(runtime.settings.source, id, now, topic=self.topic))

    async def _newest(self, session: Session, part: RunPartition) -> dict[bytes, int]:
        """By key the offset of its newest record in the range; two hundred bytes a key."""
        newest: dict[bytes, int] = {}
        tp = TopicPartition(session.runtime.settings.topic(self.topic), part.partition)
        async for records in read_range(session.reader, tp, RangeCounts(part.first_offset, part.end_offset)):
            newest |= {record.key: record.offset for record in records if record.key is not None}
        return newest

    def as_json(self) -> dict[str, Any]:
        """What a run remembers."""
        return self.chosen.as_json()

    @classmethod
    def of(cls, run: Run) -> Republish:
        """What a run was begun for."""
        return cls(run.topic, Chosen.from_json(run.selection))


@dataclass(frozen=True)
class _Newest(Selection):
    """The newest records of the chosen keys of a partition."""

    topic: str = ""
    chosen: Chosen = field(default_factory=Chosen)
    offsets: Mapping[bytes, int] = field(default_factory=dict)

    def wants(self, record: Record) -> bool:
        """Whether it is the newest of its key."""
        return record.key is not None and self.offsets.get(record.key) == record.offset

    def takes(self, inbound: InboundRecord, keys: PatientKeys) -> bool:
        """Whether its key is chosen."""
        return self.chosen.takes(self.topic, _key(inbound), inbound.event)


def _say_again(topic: str, run: str | None) -> Decide:
    """Of each record that is of the present revision: published once more, under the key's lock, by the run; None: only
    what would come of it."""

    async def decide(tx: Transaction, batch: Sequence[InboundRecord]) -> None:
        present = await _present(tx, topic, batch, lock=run is not None)
        for inbound, is_present in zip(batch, present, strict=True):
            inbound.outcome = Outcome.REPEATED if is_present else Outcome.STALE
            if is_present and run is not None:
                record = inbound.record
                headers = again(record.headers, run)
                tx.events.append(Event(topic, record.partition, record.key, record.value, headers))

    return decide


async def _present(tx: Transaction, topic: str, batch: Sequence[InboundRecord], *, lock: bool) -> list[bool]:
    """Whether each record tells the state that the database has come to."""
    keys, revisions = [_key(one) for one in batch], [_revision(one) for one in batch]
    if topic == FAST_LAKARKONTAKT:
        held = await patient_revisions(tx.pg, keys, lock=lock)
        return [revision == held.get(key) for key, revision in zip(keys, revisions, strict=True)]
    doctors = [key.partition("/")[2] for key in keys]
    pairs = await pair_revisions(tx.pg, sorted(set(doctors)), lock=lock)
    return [
        revision == pairs.held[key]
        if key in pairs.held
        else one.record.value is None and 0 < revision <= pairs.gone.get(doctor, 0)
        for one, key, doctor, revision in zip(batch, keys, doctors, revisions, strict=True)
    ]


def _from(part: RunPartition, offset: int) -> RunPartition:
    return part._replace(first_offset=offset, next_offset=offset, read_offset=offset)


def _key(inbound: InboundRecord) -> str:
    return (inbound.record.key or b"").decode(errors="replace")


def _revision(inbound: InboundRecord) -> int:
    """0 where the record has none: nobody of ours wrote it."""
    try:
        return revision_in(inbound.record.headers)
    except ValueError:
        return 0


def again(headers: Iterable[tuple[str, bytes | None]], run: str) -> Headers:
    """The headers of a record that is said again by a run."""
    added: Headers = [(RUN_HEADER, run.encode()), (REPUBLISHED_HEADER, run.encode())]
    return [(name, value) for name, value in headers if name not in _ADDED] + added
