"""A dump from the source system in place of a topic: one state a line, as the `data` of a message (operations.md)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from infra.errors import UnusableSelection
from infra.kafka.ranges import StoredRecord
from infra.postgres.runs import Run, RunPartition
from schemas.envelope import Headers, binary_headers
from schemas.listing import ListingState
from schemas.staff import StaffState
from schemas.topics import TOPICS
from schemas.unit import UnitState
from workers.operations.execution import Execution
from workers.operations.ranges import Batch
from workers.operations.reconciliation.newest import Newest
from workers.operations.reconciliation.work import Reconcile
from workers.operations.session import Session
from workers.pipeline.inbound import InboundRecord, decode
from workers.pipeline.transaction import Transaction
from workers.runtime import Runtime

_STATES: dict[str, type] = {"staff": StaffState, "unit": UnitState, "listing": ListingState}
#: lines between which other work of the process has its turn
_LINES = 1_000
_SOURCE = "reconcile"


@dataclass(frozen=True)
class DumpReconcile(Reconcile):
    """A file's lines are the offsets of its one partition. `digest`: SHA-256 of its bytes, in hexadecimal; `at`: when
    it was compared, which is when its facts are said. A line has no place in a topic (R2)."""

    path: Path = Path()
    digest: str = ""
    at: datetime = datetime(1970, 1, 1, tzinfo=UTC)

    def execution(self, runtime: Runtime, run: Run, waits: Callable[[str | None], None]) -> Execution:
        """What judges its lines in earnest; one on which the handlers fail is counted, and no letter of any topic."""

        async def settle(tx: Transaction, batch: Sequence[InboundRecord]) -> None:
            return

        return Execution(runtime, self.route, run, self.decide(rehearsal=False), waits, settle=settle)

    async def newest(
        self, session: Session, part: RunPartition, reached: Callable[[int], None] | None = None
    ) -> Newest:
        """Which lines stand. Raises UnusableSelection where a line is no state, or the file is not the one that was
        compared."""
        newest, hashed = Newest(), sha256()
        for number, line in self._lines():
            hashed.update(line)
            inbound = self._read(number, line)
            if inbound.dead_letter_reason is not None:
                raise UnusableSelection(f"--file: line {number + 1}: {inbound.dead_letter_reason.detail}")
            newest.hear(inbound)
            if number % _LINES == 0:
                await asyncio.sleep(0)
                if reached is not None:
                    reached(number)
        if hashed.hexdigest() != self.digest:
            raise UnusableSelection("--file: it is not the file any more that was compared")
        return newest

    async def standing(self, session: Session, part: RunPartition, newest: Newest) -> AsyncIterator[Batch]:
        """The lines that stand, of what is left."""
        before = counted = part
        taken: list[InboundRecord] = []
        for number, line in self._lines():
            if number % _LINES == 0:
                await asyncio.sleep(0)
            if number < part.next_offset:
                continue
            counted = counted._replace(
                next_offset=number + 1, read_offset=number + 1, records=counted.records + 1, first_record=0
            )
            inbound = self._read(number, line)
            if newest.stands(inbound):
                taken.append(inbound)
            if len(taken) == session.runtime.settings.batch_records:
                yield Batch(taken, before, counted)
                before, taken = counted, []
        yield Batch(taken, before, counted)

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        with self.path.open("rb") as lines:
            yield from enumerate(lines)

    def _read(self, number: int, line: bytes) -> InboundRecord:
        """Understands a line as a record of the topic would be."""
        topic, value = self.route.topic, line.strip()
        key = None
        try:
            content = orjson.loads(value)
            if isinstance(content, dict):
                key = str(content.get("hsa_id", "")).encode()
                if "new_patient_id" in content:
                    raise UnusableSelection(f"--file: line {number + 1}: a change of id is no state")
        except ValueError:
            pass
        ms = int(self.at.timestamp() * 1000)
        record = StoredRecord(topic, 0, number, ms, key, value, [*_headers(self.what, f"{number + 1}", self.at)])
        inbound = decode(topic, record)
        return replace(inbound, cause=inbound.cause._replace(place=None, topic=None))

    def as_json(self) -> dict[str, Any]:
        """What a run remembers."""
        return {"what": self.what, "file": str(self.path), "sha256": self.digest, "at": self.at.isoformat()}


def _headers(what: str, id: str, at: datetime) -> Headers:
    model = _STATES[what]
    (type_,) = (name for topic in TOPICS for name, one in topic.messages.items() if one is model)
    return binary_headers(id, _SOURCE, type_, at)


def open_dump(what: str, path: Path, at: datetime) -> DumpReconcile:
    """The file as it is now. Raises UnusableSelection where it cannot be read, or is empty."""
    hashed, lines = sha256(), 0
    try:
        with path.open("rb") as content:
            for line in content:
                hashed.update(line)
                lines += 1
    except OSError as error:
        raise UnusableSelection(f"--file: cannot be read: {error.strerror}") from None
    if not lines:
        raise UnusableSelection("--file: holds no line")
    part = RunPartition(0, 0, lines, 0, 0)
    return DumpReconcile(what, (part,), path.absolute(), hashed.hexdigest(), at)


def reconcile_of(run: Run) -> Reconcile:
    """What a run was begun for."""
    chosen = run.selection
    if "file" not in chosen:
        return Reconcile(chosen["what"])
    at = datetime.fromisoformat(chosen["at"])
    return DumpReconcile(chosen["what"], (), Path(chosen["file"]), chosen["sha256"], at)
