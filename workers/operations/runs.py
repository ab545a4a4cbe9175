"""Runs: what an operator has judged again is rehearsed, then carried out; killed anywhere, it goes on (O2, O4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic
from typing import Any, ClassVar, Protocol

import asyncpg

from infra import timing
from infra.error_kinds import is_transient
from infra.errors import DayUnknown, RunStopped, UnusableSelection
from infra.failures import failure_reason
from infra.foreign_errors import explain
from infra.postgres import operations, outbox, plans, runs
from infra.postgres.connection import checkout
from infra.postgres.day import read_day
from infra.postgres.rehearsal import snapshot
from infra.postgres.runs import Kind, NewRun, Run, RunPartition, State
from infra.provenance import Provenance
from infra.version import version
from schemas.errors import FastlakareError
from workers.operations.execution import Execution
from workers.operations.judging import Decide, Listen, Rehearsal, judge_all
from workers.operations.pace import held_back, pace_of
from workers.operations.planning import MOST_LISTED
from workers.operations.ranges import Batch
from workers.operations.report import Progress, Report, report_of
from workers.operations.session import Session, new_run_id
from workers.pipeline.route import Route
from workers.runtime import Runtime


class Work(Protocol):
    """What a run does: where its records come from, and what is decided on them."""

    kind: ClassVar[Kind]

    @property
    def route(self) -> Route:
        """The route of its topic."""

    def decide(self, *, rehearsal: bool) -> Decide:
        """What is done with its records."""

    def execution(self, runtime: Runtime, run: Run, waits: Callable[[str | None], None]) -> Execution:
        """What judges its records in earnest."""

    def batches(self, session: Session, part: RunPartition) -> AsyncIterator[Batch]:
        """The records of what is left of the partition."""

    async def freeze(self, session: Session) -> list[RunPartition]:
        """The range of each partition, which from now on is fixed (O5)."""

    def as_json(self) -> Mapping[str, Any]:
        """What a run remembers of it."""


async def preview(session: Session, work: Work, progress: Progress, listen: Listen | None = None) -> Report:
    """What a run over these ranges would do now, without a trace (O2). Raises DayUnknown before the first day, and
    what Kafka and the database raise."""
    async with snapshot(session.runtime.engine) as state:
        judge = Rehearsal(session.runtime, state, work.decide(rehearsal=True), listen)
        for part in list(progress.parts.values()):
            async for batch in judge_all(judge, work.batches(session, part)):
                progress.reached(batch.after, judge.tally)
        parts = list(progress.parts.values())
        return Report(None, None, work.kind, work.route.topic, judge.day, parts, judge.tally, judge.estimated_from)


async def begin(
    session: Session,
    work: Work,
    parts: Iterable[RunPartition],
    *,
    reason: str,
    actor: str,
    records_per_second: int | None = None,
    detached: bool = False,
    state: State = "running",
    planned: bool = False,
) -> str:
    """Writes down a run over these ranges, on which nobody works yet; returns its id. Raises DayUnknown, and what the
    database raises."""
    id, topic = new_run_id(datetime.now(UTC).date()), work.route.topic
    async with checkout(session.runtime.engine) as pg:
        day = (await read_day(pg)).day
        if day is None:
            raise DayUnknown
        selection = {**work.as_json(), "planned": planned}
        run = NewRun(
            *(id, work.kind, topic, selection, reason, actor, version(), detached, records_per_second, day, state)
        )
        async with pg.transaction():
            await runs.create(pg, run, list(parts))
            if not planned:
                await note_begun(pg, work.kind, topic, Provenance(id, actor, reason))
    return id


async def note_begun(pg: asyncpg.Connection, kind: Kind, topic: str, by: Provenance) -> None:
    """The run's own row in the audit trail: who began it, and why (O6)."""
    await operations.begin(pg, kind.replace("_", " "), "O6", by, topic)


async def carry_out(
    session: Session,
    id: str,
    work_of: Callable[[Run], Work],
    progress: Progress,
    stop: asyncio.Event,
    *,
    stopped_as: State = "paused",
) -> Report:
    """Takes the run, judges what is left of it, and waits until Kafka has acknowledged its last event (O7). Once `stop`
    is set it ends after the current transaction, as `stopped_as`. Raises UnusableSelection where there is no such run
    to work on; what stops it is told in the report."""
    engine = session.runtime.engine
    async with checkout(engine) as pg:
        epoch = await runs.take(pg, id, timing.RUN_LEASE_SECONDS)
        found = await runs.read(pg, id)
    if found is None:
        raise UnusableSelection(no_such_run())
    if epoch is None:
        raise UnusableSelection(_why_not(found[0]))
    run, parts = found
    progress.parts = {part.partition: part for part in parts}
    state: State = stopped_as
    error = None
    try:
        if await _until_stopped(_work(session, run, work_of(run), progress, stop), _lost(session, run), progress, stop):
            state = "done"
    except RunStopped as stopped:
        return await report(session, id, error=None if stopped.state else str(stopped))
    except Exception as failure:  # noqa: BLE001  # whatever it is: the run says why it could not go on
        state, error = "failed", _reason(failure)
    finally:  # also where this process is told to end at once
        with suppress(Exception):
            async with checkout(engine) as pg:
                await runs.end(pg, id, run.epoch, state, error)
    return await report(session, id)


async def _until_stopped(
    work: Coroutine[Any, Any, bool], lost: Coroutine[Any, Any, None], progress: Progress, stop: asyncio.Event
) -> bool:
    """Whether the work came to its end. One that is stopped may end its transaction, but waits for nothing any more;
    one of a run that was `lost` ends at once."""
    working, losing = asyncio.ensure_future(work), asyncio.ensure_future(lost)
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, losing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        deadline = monotonic() + timing.RUN_STOP_SECONDS
        while stop.is_set() and not (working.done() or losing.done() or progress.waits_for) and monotonic() < deadline:
            await asyncio.sleep(timing.RUN_POLL_SECONDS)
        if losing.done() and not working.done():
            losing.result()
        return working.done() and working.result()
    finally:
        for task in (working, losing, stopping):
            task.cancel()
        await asyncio.gather(working, losing, stopping, return_exceptions=True)


async def _lost(session: Session, run: Run) -> None:
    """Renews the lease, also while the work waits; raises RunStopped once the run is no longer ours, or paused. An
    outage longer than the lease costs nothing where nobody else has taken the run meanwhile."""
    while True:
        await asyncio.sleep(timing.RUN_HEARTBEAT_SECONDS)
        try:
            async with checkout(session.runtime.engine) as pg:
                if not await runs.renew(pg, run.id, run.epoch, timing.RUN_LEASE_SECONDS):
                    await runs.lock(pg, run.id, run.epoch)
        except Exception as error:
            if not is_transient(error):
                raise


async def _work(session: Session, run: Run, work: Work, progress: Progress, stop: asyncio.Event) -> bool:
    """False where it was stopped before its end."""
    judge = work.execution(session.runtime, run, progress.waits)
    pace = pace_of(session, run.records_per_second)
    for number in sorted(progress.parts):
        while not _complete(part := progress.parts[number]):
            try:
                paced = held_back(pace, work.batches(session, part), progress.waits)
                async for batch in judge_all(judge, paced):
                    progress.reached(batch.after, judge.tally)
                    if stop.is_set():
                        return False
            except Exception as error:
                if not is_transient(error):
                    raise
                progress.waits(_reason(error))
                await asyncio.sleep(timing.FETCH_RETRY_SECONDS)
    while waiting := await _unacknowledged(session, judge.sequences):
        progress.waits(f"Kafka to acknowledge {waiting} event{'s' * (waiting != 1)}: is `fastlakare run` running?")
        await asyncio.sleep(timing.RUN_POLL_SECONDS)
    return True


def _complete(part: RunPartition) -> bool:
    return part.next_offset >= part.end_offset and part.read_offset >= part.end_offset


async def _unacknowledged(session: Session, sequences: dict[int, int]) -> int:
    """How many of the events up to the run's last of each shard wait to be acknowledged."""
    async with checkout(session.runtime.engine) as pg:
        acknowledged = await outbox.published_sequences(pg)
    return sum(max(0, last - acknowledged[shard]) for shard, last in sequences.items())


async def report(session: Session, id: str, error: str | None = None) -> Report:
    """What the run has done so far. Raises UnusableSelection where there is none of that id."""
    async with checkout(session.runtime.engine) as pg:
        found = await runs.read(pg, id)
        differs = await plans.read_differing(pg, id, MOST_LISTED)
    if found is None:
        raise UnusableSelection(no_such_run())
    return report_of(*found, error=error, differs=differs)


def no_such_run() -> str:
    """What is said where there is no run of that id, which is not repeated: it may be anything."""
    return "there is no run of that id; `fastlakare runs list` shows them"


def _why_not(run: Run) -> str:
    if run.state == "running":
        return f"run {run.id} is being worked on; `fastlakare runs pause {run.id}` stops it"
    return f"run {run.id} is {run.state}"


def _reason(error: Exception) -> str:
    return explain(error) or (str(error) if isinstance(error, FastlakareError) else failure_reason(error).detail)
