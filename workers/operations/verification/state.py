"""The checks of the database against itself: what the rules say must hold in any snapshot."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import asyncpg

from handlers.reevaluate import reevaluate_link
from handlers.world import ChangeSet, Patient, Policy, World
from handlers.world.changes import LinkChange, Pair
from infra.postgres import verification as database
from infra.postgres.day import Day
from workers.operations.verification.report import Difference, difference


@dataclass
class StateCheck:
    """What a check reads, and how much it has compared."""

    pg: asyncpg.Connection
    day: Day
    policy: Policy
    compared: int = 0


async def links(check: StateCheck) -> AsyncIterator[Difference]:
    """`links`: the rules that end links, asked of every link there is, would change nothing; and its doctor is active
    (E1, L3, S6, S7, S9). Patients for whom the day has work left are left out (T5)."""
    world = await database.world(check.pg, check.day, check.policy)
    async for patient in database.linked_patients(check.pg):
        if patient.due is not None and patient.due <= world.today:
            continue
        check.compared += 1
        if (what := _link_fault(world, patient)) is not None:
            yield difference("links", patient.key, what)
    if number := await database.count_links_of_nobody(check.pg):
        yield difference("links", "", f"{number} links of patients who are not held")


def _link_fault(world: World, patient: Patient) -> str | None:
    link = patient.link
    if link is None:
        return None
    entry = world.roster.get(Pair(link.unit, link.doctor))
    if reevaluate_link(world, patient, world.began):
        reason = next(change.reason for change in world.changes.records if isinstance(change, LinkChange))
        world.changes = ChangeSet()
        return f"may not stand as it is: {reason}"
    # With `keep` a doctor who left and came back is inactive until the vårdcentral activates them again (S6).
    if world.policy.end_links_of_leavers and (entry is None or not entry.active):
        return "its doctor is not active at the unit"
    return None


async def ceilings(check: StateCheck) -> AsyncIterator[Difference]:
    """`ceilings`: nobody was linked above one without an override by name (C7, C10, C11)."""
    check.compared += await database.count_ceilings(check.pg)
    for over in await database.over_ceiling(check.pg):
        for key in await database.unexplained_above(check.pg, over):
            what = (
                f"linked to {over.doctor} at {over.unit} above the ceiling: {over.patients} patients of {over.ceiling}"
            )
            yield difference("ceilings", key, what)


async def protected(check: StateCheck) -> AsyncIterator[Difference]:
    """`protected`: of who is forgotten or protected nothing more is held than that (L7, L9, S7)."""
    check.compared += await database.count_forgotten(check.pg)
    for key in await database.held_though_forgotten(check.pg):
        yield difference("protected", key, "the patient is forgotten, and more is held")
    for hsa_id in await database.held_though_protected(check.pg):
        yield difference("protected", hsa_id, "the doctor is protected, and more is held than the mark")


async def audit(check: StateCheck) -> AsyncIterator[Difference]:
    """`audit`: a row for every revision of the patients who are held (D4)."""
    check.compared += await database.count_revisions(check.pg)
    async for key, revision, rows, highest in database.unaudited(check.pg):
        what = f"{rows} of {revision} revisions have a row"
        yield difference("audit", key, what if (highest or 0) <= revision else f"{what}, and so has {highest}")


STATE_CHECKS: dict[str, Callable[[StateCheck], AsyncIterator[Difference]]] = {
    "links": links,
    "ceilings": ceilings,
    "protected": protected,
    "audit": audit,
}
