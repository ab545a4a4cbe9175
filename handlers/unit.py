"""KiV said something of a unit: renamed, closed, replaced - and roster entries and links follow (S9, S10, S11)."""

from __future__ import annotations

from collections import ChainMap
from dataclasses import replace

from handlers import links, reevaluate, roster
from handlers.versions import ignored_removal, ignored_state, ignored_tombstone
from handlers.world import Needs, Successors, Unit, World
from handlers.world.changes import Cause, Outcome
from schemas.read import Tombstone
from schemas.unit import UnitRemoved, UnitState

UnitEvent = UnitState | UnitRemoved | Tombstone


def needs(event: UnitEvent, world: World, cause: Cause) -> Needs:
    """Roster and linked patients of every unit that the fact closes, opens, renames or gives another meaning."""
    current = world.unit(event.hsa_id or "")
    if _ignored(event, current, cause) is not None or not _changes_anything(
        incoming := _state_from(event, current, cause), current
    ):
        return Needs()
    touched = _touched(world, incoming)
    return Needs(roster_of=touched, links_of_unit=touched, imports_at=touched)


def decide(event: UnitEvent, world: World, cause: Cause) -> Outcome:
    """Takes the fact over unless it is stale (S2, S11) and lets roster and links follow."""
    current = world.unit(event.hsa_id or "")
    ignored = _ignored(event, current, cause)
    if ignored is not None:
        return ignored
    incoming = _state_from(event, current, cause)
    if incoming != current:
        world.changes.touch_unit(incoming)
    if _changes_anything(incoming, current):
        _apply(world, current, incoming, cause)
        return Outcome.APPLIED
    world.put_unit(incoming)
    return Outcome.APPLIED if incoming.version != current.version else Outcome.UNCHANGED


def apply_replacements(world: World, touched: set[str], cause: Cause) -> None:
    """Entries and waiting imports of a replaced unit move; then every doctor there stands as the units now let them."""
    pairs = sorted(pair for unit in touched for pair in world.entries_at.get(unit, ()))
    for pair in pairs:
        if (unit := world.resolve_unit(pair.unit)) != pair.unit:
            roster.move(world, pair, unit)
    for key in sorted(key for key in world.imports if key[0] in touched):
        world.move_import(key, world.resolve_unit(key[0]))
    for doctor in sorted({pair.doctor for pair in pairs}):
        for pair in roster.pairs_of(world, doctor):
            roster.reevaluate(world, pair, cause)


def _ignored(event: UnitEvent, current: Unit, cause: Cause) -> Outcome | None:
    if isinstance(event, UnitState):
        return ignored_state(current, event.version, cause)
    if isinstance(event, UnitRemoved):
        return ignored_removal(current, event.version)
    return ignored_tombstone(current, cause)


def _apply(world: World, current: Unit, incoming: Unit, cause: Cause) -> None:
    """Puts the incoming state in place, then asks of every roster entry and link it touches whether it may stand."""
    touched = _touched(world, incoming)
    patients = world.patients_at(touched)
    world.put_unit(incoming)
    world.clear_successor_cache()
    apply_replacements(world, touched, cause)
    for patient in patients:
        changed = reevaluate.reevaluate_link(world, patient, cause)
        renamed = current.name != incoming.name and patient.link is not None and patient.link.unit == incoming.hsa_id
        if renamed and not changed:
            links.rename(world, patient, "unit_renamed", cause)


def _state_from(event: UnitEvent, current: Unit, cause: Cause) -> Unit:
    """The unit as the event has it; a removed one keeps what its id means (S9), its name is not known any more."""
    if isinstance(event, UnitState):
        return Unit(
            event.hsa_id,
            event.version,
            fact_at=cause.time,
            name=event.name,
            kind=event.kind,
            care_giver=event.care_giver_hsa_id,
            end=event.end,
            replaced_by=event.replaced_by,
            start=event.start,
            place=cause.place,
        )
    version = event.version if isinstance(event, UnitRemoved) else current.version
    return replace(
        current,
        version=version,
        fact_at=cause.time,
        place=cause.place,
        removed=True,
        name=None,
        care_giver=None,
        start=None,
    )


def _changes_anything(incoming: Unit, current: Unit) -> bool:
    """Whether anything but the version, its time and its place differs."""
    return replace(incoming, version=current.version, fact_at=current.fact_at, place=current.place) != current


def _touched(world: World, incoming: Unit) -> set[str]:
    """The unit, and every unit that some id means before the fact but not after it, or the other way round."""
    after = Successors(ChainMap({incoming.hsa_id: incoming}, world.units), world.today)
    touched = {incoming.hsa_id}
    for hsa_id in world.leading_to(incoming.hsa_id):
        now = after.of(hsa_id)
        if now != world.resolve_unit(hsa_id):
            touched |= {hsa_id, now, world.resolve_unit(hsa_id)}
    return touched
