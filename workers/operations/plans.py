"""Plans: a preview of which every decision is kept, and carrying out exactly that (R7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from handlers.world.changes import ChangeRecord, Place
from infra.errors import UnusableSelection
from infra.postgres import plans, runs
from infra.postgres.connection import checkout
from infra.postgres.runs import Run, RunPartition
from infra.provenance import Provenance
from infra.version import version
from workers.operations.planning import MOST_LISTED, decisions, differing
from workers.operations.report import Progress, Report
from workers.operations.runs import Work, begin, no_such_run, note_begun, preview
from workers.operations.session import Session
from workers.pipeline.inbound import InboundRecord


async def plan(
    session: Session, work: Work, parts: Iterable[RunPartition], progress: Progress, *, reason: str, actor: str
) -> Report:
    """A preview of which every decision is kept under a run's id, to be carried out later (R7)."""
    engine = session.runtime.engine
    id = await begin(session, work, parts, reason=reason, actor=actor, state="cancelled", planned=True)

    async def keep(batch: Sequence[InboundRecord], changes: Sequence[ChangeRecord]) -> None:
        if found := decisions(batch, changes):
            async with checkout(engine) as pg:
                await plans.save(pg, id, found)

    found = await preview(session, work, progress, keep)
    async with checkout(engine) as pg:  # a plan that is not whole is none
        await runs.set_state(pg, id, "planned", ["cancelled"])
    return replace(found, run=id, state="planned")


async def rehearse_plan(session: Session, id: str, work_of: Callable[[Run], Work], progress: Progress) -> Report:
    """What carrying out a plan would do now; its records on which something else would be decided are listed, and what
    is counted of them is what would be decided. Raises UnusableSelection where there is no such plan."""
    run, parts = await planned(session, id)
    progress.parts = {part.partition: part for part in parts}
    others: set[Place] = set()

    async def compare(batch: Sequence[InboundRecord], changes: Sequence[ChangeRecord]) -> None:
        places = [inbound.cause.place for inbound in batch if inbound.cause.place is not None]
        async with checkout(session.runtime.engine) as pg:
            others.update(differing(batch, decisions(batch, changes), await plans.read(pg, id, places)))

    found = await preview(session, work_of(run), progress, compare)
    return replace(found, differs=sorted(others)[:MOST_LISTED])


async def planned(session: Session, id: str) -> tuple[Run, list[RunPartition]]:
    """A plan that was not carried out yet. Raises UnusableSelection where there is none."""
    async with checkout(session.runtime.engine) as pg:
        found = await runs.read(pg, id)
    if found is None:
        raise UnusableSelection(no_such_run())
    if found[0].state != "planned":
        raise UnusableSelection(f"run {found[0].id} is no plan, or one that was carried out: it is {found[0].state}")
    return found


async def begin_planned(
    session: Session, id: str, *, reason: str, actor: str, records_per_second: int | None, detached: bool
) -> None:
    """Makes the plan a run that nobody works on yet. Raises UnusableSelection where it was carried out before."""
    async with checkout(session.runtime.engine) as pg, pg.transaction():
        begun = await runs.begin_planned(
            pg,
            id,
            reason=reason,
            actor=actor,
            release=version(),
            records_per_second=records_per_second,
            detached=detached,
        )
        found = await runs.read(pg, id)
        if begun and found is not None:
            await note_begun(pg, found[0].kind, found[0].topic, Provenance(id, actor, reason))
    if not begun:
        await planned(session, id)
