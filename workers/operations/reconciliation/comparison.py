"""Whether what is held is what a record says: the service's own handlers are asked, on a snapshot, and what they would
do says in which way it differs (V2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, NamedTuple

from handlers.world import Needs, World
from handlers.world.changes import Outcome, Place
from infra.postgres.rehearsal import Carried, RehearsalLoader, Snapshot
from schemas.topics import KIV_STAFF, KIV_UNIT
from workers.operations.ranges import Batch
from workers.operations.reconciliation.newest import Entity, Fact, fact
from workers.operations.tally import Tally
from workers.pipeline.inbound import InboundRecord, decodable
from workers.pipeline.route import Route
from workers.pipeline.transaction import Transaction
from workers.runtime import Runtime

Kind = Literal["equal", "missing", "older", "different", "newer", "extra"]
#: in the order in which they are told
KINDS: tuple[Kind, ...] = ("equal", "missing", "older", "different", "newer", "extra")
#: what a run puts right, and what an exit code tells of
DIFFERENCES: frozenset[Kind] = frozenset({"missing", "older", "different"})
#: so many examples of each topic and kind are told
MOST_EXAMPLES = 5


class Example(NamedTuple):
    """One that is not equal. `key`: a patient key or an HSA-id; versions are a listing's sequences; `place` is that of
    the record, None where there is none."""

    what: str
    kind: Kind
    key: str
    version: int | None
    held_version: int | None
    place: Place | None

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        place = None if self.place is None else {"partition": self.place.partition, "offset": self.place.offset}
        return {
            "what": self.what,
            "kind": self.kind,
            "key": self.key,
            "version": self.version,
            "held_version": self.held_version,
            "place": place,
        }


def kind_of(outcome: Outcome, version: int | None, before: int | None, after: int | None) -> Kind:
    """How what is held differs from a record of this version (None: a null value), on which the handlers decided this.
    `before` and `after` are the versions held without and with it; None: nothing was heard of it.

    A record that is stale although none in the topic counts more: what is held was taken from one that the topic does
    not have any more. At the same version that is a removal, or a record that stood later (R2).
    """
    if outcome is Outcome.STALE:
        return "newer"
    if outcome is Outcome.APPLIED or after != before:
        if before is None:
            return "missing"
        return "older" if version is not None and before < version else "different"
    return "equal"


@dataclass
class Comparison:
    """Holds batches against one snapshot, and leaves no trace. `differing` are the records of the batch compared last
    that a run would judge; what the handlers fail on is `dead`."""

    runtime: Runtime
    snapshot: Snapshot
    today: date
    route: Route
    what: str
    counts: Counter[str] = field(default_factory=Counter)
    examples: list[Example] = field(default_factory=list)
    differing: list[InboundRecord] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)

    async def judge(self, batch: Batch) -> None:
        """Adds to counts, examples and `differing`. Raises what the handlers and the database raise."""
        records = [one for one in decodable(batch.records) if fact(one.event) is not None]
        if len(records) < len(batch.records):  # none is read that is not understood, so the handlers failed on it
            self.counts["dead"] += len(batch.records) - len(records)
        if not records:
            return
        facts = [_fact(one) for one in records]
        world = await self._decide(records, facts)
        for one, about, (before, after) in zip(records, facts, world, strict=True):
            kind = kind_of(one.outcome, about.version, before, after)
            self.counts[kind] += 1
            if kind in DIFFERENCES:
                self.differing.append(one)
            if kind != "equal":
                self.tell(kind, about.entity, about.version, before, one.cause.place)

    def tell(self, kind: Kind, entity: Entity, version: int | None, held: int | None, place: Place | None) -> None:
        """Keeps it as an example, where there are few of its kind."""
        if sum(one.kind == kind for one in self.examples) < MOST_EXAMPLES:
            key = self.runtime.keys.key(entity) if isinstance(entity, int) else entity
            self.examples.append(Example(self.what, kind, key, version, held, place))

    async def _decide(
        self, records: Sequence[InboundRecord], facts: Sequence[Fact]
    ) -> list[tuple[int | None, int | None]]:
        """Decides, in a world that is thrown away, and returns the versions held before and after."""
        day, policy = self.snapshot.day, self.runtime.settings.policy
        limits = self.runtime.limits
        most = limits.of_record if len(records) == 1 else limits.of_batch
        world = World(self.today, day.cause, policy, dict(self.snapshot.units))
        loader = RehearsalLoader(self.snapshot.pg, world, self.runtime.keys, Carried({}), day, most)
        tx = Transaction(self.snapshot.pg, day, world, loader)
        await tx.load(_needs(self.route.topic, facts))
        before = [_held(self.route.topic, world, about.entity) for about in facts]
        await tx.decide(records, self.route.handlers, self.route.known_upfront)
        after = [_held(self.route.topic, world, about.entity) for about in facts]
        return list(zip(before, after, strict=True))


def _fact(inbound: InboundRecord) -> Fact:
    found = fact(inbound.event)
    assert found is not None
    return found


def _needs(topic: str, facts: Sequence[Fact]) -> Needs:
    if topic == KIV_STAFF:
        return Needs(doctors={str(about.entity) for about in facts})
    if topic == KIV_UNIT:
        return Needs()
    return Needs(new_patients={int(about.entity) for about in facts})


def _held(topic: str, world: World, entity: Entity) -> int | None:
    """The version that is held."""
    if topic == KIV_STAFF:
        return world.doctors[str(entity)].version
    if topic == KIV_UNIT:
        return world.unit(str(entity)).version
    return world.patients[int(entity)].sequence
