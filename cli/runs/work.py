"""Works runs off in the terminal: shows how far they are, and ends after the current transaction at Ctrl-C (O4)."""

from __future__ import annotations

import asyncio
import signal
import sys

from cli.runs import screen
from cli.terminal import EXIT_DIFFERENCES
from infra.errors import UnusableSelection
from infra.postgres.runs import RunPartition
from infra.settings import Settings
from workers.operations import plans, runs
from workers.operations.kinds import work_of
from workers.operations.report import Progress, Report
from workers.operations.runs import Work
from workers.operations.session import Session, connect


async def freeze_and_preview(settings: Settings, work: Work, command: str) -> tuple[list[RunPartition], Report]:
    """The ranges, and what a run over them would do."""
    async with connect(settings, command) as session:
        parts = await work.freeze(session)
        progress = Progress({part.partition: part for part in parts})
        with screen.progress(progress, "preview"):
            return parts, await runs.preview(session, work, progress)


async def begin(
    settings: Settings,
    work: Work,
    command: str,
    parts: list[RunPartition] | None,
    *,
    reason: str,
    actor: str,
    records_per_second: int | None,
    detached: bool,
) -> Report:
    """Begins a run over the ranges, those of right now where none are given, and works it off unless it is
    `detached`."""
    async with connect(settings, command) as session:
        ranges = await work.freeze(session) if parts is None else parts
        id = await runs.begin(
            session,
            work,
            ranges,
            reason=reason,
            actor=actor,
            records_per_second=records_per_second,
            detached=detached,
        )
        print(f"run {id} has begun", file=sys.stderr)
        if detached:
            return await runs.report(session, id)
        return await _carry_out(session, id)


async def plan(settings: Settings, work: Work, command: str, *, reason: str, actor: str) -> Report:
    """A preview that is kept under a run's id."""
    async with connect(settings, command) as session:
        parts = await work.freeze(session)
        progress = Progress({part.partition: part for part in parts})
        with screen.progress(progress, "plan"):
            return await plans.plan(session, work, parts, progress, reason=reason, actor=actor)


async def rehearse_plan(settings: Settings, topic: str, id: str) -> Report:
    """What carrying out the plan would do now."""
    progress = Progress({})
    async with connect(settings, "replay") as session:
        await _require_topic(session, topic, id)
        with screen.progress(progress, "preview"):
            return await plans.rehearse_plan(session, id, work_of, progress)


async def apply(
    settings: Settings,
    topic: str,
    id: str,
    *,
    reason: str,
    actor: str,
    records_per_second: int | None,
    detached: bool,
) -> Report:
    """Begins the run of a plan, and works it off unless it is `detached`."""
    async with connect(settings, "replay") as session:
        await _require_topic(session, topic, id)
        await plans.begin_planned(
            session, id, reason=reason, actor=actor, records_per_second=records_per_second, detached=detached
        )
        return await (runs.report(session, id) if detached else _carry_out(session, id))


async def _require_topic(session: Session, topic: str, id: str) -> None:
    plan, _ = await plans.planned(session, id)
    if plan.topic != topic:
        raise UnusableSelection(f"run {plan.id} is a plan for {plan.topic}")


async def resume(settings: Settings, id: str) -> Report:
    """Works off what is left of a run."""
    async with connect(settings, "runs resume") as session:
        return await _carry_out(session, id)


async def _carry_out(session: Session, id: str) -> Report:
    stop, progress = asyncio.Event(), Progress({})

    def end() -> None:
        print("ends after the current transaction ...", file=sys.stderr)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)
    with screen.progress(progress, "run"):
        return await runs.carry_out(session, id, work_of, progress, stop)


def exit_code(report: Report) -> int:
    """0 done, or given to the service; 1 where it ended otherwise."""
    return 0 if report.state in ("done", "running") and report.error is None else EXIT_DIFFERENCES
