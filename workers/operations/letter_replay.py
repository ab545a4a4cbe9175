"""Dead letters are judged once more, by the service's own handlers (operations.md, Q1)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from handlers.world.changes import Outcome
from infra.errors import UnusableSelection
from infra.kafka.ranges import StoredRecord
from infra.postgres import chosen_letters, operations
from infra.postgres.chosen_letters import OPEN, Choice, Frozen, LetterPlace, StoredLetter
from infra.postgres.connection import checkout
from infra.postgres.operations import Concerned
from infra.postgres.runs import Kind, Run, RunPartition
from infra.provenance import Provenance
from schemas.topics import LISTNING_CLOCK, LISTNING_COMMAND
from workers.operations.execution import Execution
from workers.operations.judging import Decide, facts, keep_letters, new_commands, rehearsed_new_commands, settle_letters
from workers.operations.ranges import Batch
from workers.operations.session import Session
from workers.pipeline.inbound import InboundRecord, decode
from workers.pipeline.route import Route
from workers.pipeline.transaction import Transaction
from workers.routes import ROUTES
from workers.runtime import Runtime

#: bytes of letters that are held at a time
_PAGE_BYTES = 8 << 20
_WHAT = "dlq replay"


@dataclass(frozen=True)
class LetterReplay:
    """The chosen letters of one topic (the contract's name) that are open; `ends` are the last offsets that were chosen
    from each partition: what comes later is no part of it (Q1)."""

    topic: str
    choice: Choice
    ends: dict[int, int]
    kind: ClassVar[Kind] = "dlq_replay"

    @property
    def route(self) -> Route:
        """The topic's. Raises UnusableSelection for the clock's."""
        if self.topic == LISTNING_CLOCK:
            raise UnusableSelection(
                f"letters of {LISTNING_CLOCK} cannot be replayed: what a day causes is decided once (R4); the next day"
                " makes up for one that was lost, and `fastlakare dlq discard` puts the letter away"
            )
        return next(route for route in ROUTES.values() if route.topic == self.topic)

    def decide(self, *, rehearsal: bool) -> Decide:
        """Facts as ever; commands for the first time."""
        if self.topic == LISTNING_COMMAND:
            return rehearsed_new_commands(self.route) if rehearsal else new_commands(self.route)
        return facts(self.route)

    def execution(self, runtime: Runtime, run: Run, waits: Callable[[str | None], None]) -> Execution:
        """What judges its letters in earnest; each is claimed before, so that nobody else handles it too (Q2)."""
        by = Provenance(run.id, run.actor, run.reason)

        async def settle(tx: Transaction, batch: Sequence[InboundRecord]) -> None:
            await settle_letters(tx, batch)
            # Those that cannot be read are tried no less than those on which the handlers fail.
            await keep_letters(tx, [one for one in batch if (r := one.dead_letter_reason) and not r.fingerprint])
            about = [Concerned(self.topic, one.record.partition, one.record.offset, str(one.outcome)) for one in batch]
            await operations.concern(tx.pg, _WHAT, "Q1", by, about)

        return Execution(
            runtime, self.route, run, self.decide(rehearsal=False), waits, claim=self._claim, settle=settle
        )

    async def _claim(self, tx: Transaction, batch: Sequence[InboundRecord]) -> None:
        places = [inbound.cause.place for inbound in batch if inbound.cause.place is not None]
        ours = await chosen_letters.claim(tx.pg, self.topic, places)
        for inbound in batch:  # an earlier attempt may have found one taken that is free again
            inbound.outcome = Outcome.DEAD if inbound.cause.place in ours else Outcome.SKIPPED

    async def freeze(self, session: Session) -> list[RunPartition]:
        """A range for each partition that has letters."""
        return await self.parts(session.runtime)

    def batches(self, session: Session, part: RunPartition) -> AsyncIterator[Batch]:
        """Its letters, page by page."""
        return self.letters(session.runtime, part)

    async def parts(self, runtime: Runtime) -> list[RunPartition]:
        """A range for each partition that has letters; only the database is asked."""
        parts = []
        async with checkout(runtime.engine) as pg:
            for partition, end in sorted(self.ends.items()):
                first = await self._page(pg, partition, -1, letters=1)
                begin = first[0].letter.offset if first else end + 1
                parts.append(RunPartition(partition, begin, end + 1, begin, begin))
        return parts

    async def letters(self, runtime: Runtime, part: RunPartition) -> AsyncIterator[Batch]:
        """The letters of what is left of the partition, page by page; only the database is asked."""
        reached, size = part, runtime.settings.batch_records
        while True:
            async with checkout(runtime.engine) as pg:
                page = await self._page(pg, part.partition, reached.next_offset - 1, letters=size)
            if not page:
                break
            offset = page[-1].letter.offset + 1
            first = part.first_record if part.first_record is not None else page[0].letter.offset
            after = reached._replace(
                next_offset=offset, read_offset=offset, records=reached.records + len(page), first_record=first
            )
            yield Batch([decode(self.topic, _record(letter)) for letter in page], reached, after)
            reached = after
        yield Batch([], reached, reached._replace(next_offset=part.end_offset, read_offset=part.end_offset))

    async def _page(self, pg: Any, partition: int, after: int, *, letters: int) -> list[StoredLetter]:
        place = LetterPlace(self.topic, partition, after)
        frozen = Frozen(self.choice._replace(state=OPEN), {}, {(self.topic, partition): self.ends[partition]})
        return await chosen_letters.read(pg, frozen, place, letters=letters, size=_PAGE_BYTES)

    def as_json(self) -> dict[str, Any]:
        """What a run remembers."""
        choice = self.choice._asdict()
        since = self.choice.since
        choice["since"] = None if since is None else since.isoformat()
        return {"choice": choice, "ends": {str(partition): end for partition, end in self.ends.items()}}

    @classmethod
    def of(cls, run: Run) -> LetterReplay:
        """What a run was begun for."""
        choice = dict(run.selection["choice"])
        if choice["places"] is not None:
            choice["places"] = [LetterPlace(*place) for place in choice["places"]]
        if choice["since"] is not None:
            choice["since"] = datetime.fromisoformat(choice["since"])
        return cls(run.topic, Choice(**choice), {int(number): end for number, end in run.selection["ends"].items()})


def replays(frozen: Frozen) -> list[LetterReplay]:
    """A replay for each topic of a frozen choice."""
    by_topic: dict[str, dict[int, int]] = {}
    for (topic, partition), end in sorted(frozen.ends.items()):
        by_topic.setdefault(topic, {})[partition] = end
    return [LetterReplay(topic, frozen.choice, ends) for topic, ends in by_topic.items()]


def _record(stored: StoredLetter) -> StoredRecord:
    letter = stored.letter
    return StoredRecord(*letter[:6], list(letter.headers))
