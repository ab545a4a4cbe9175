"""KiV said something of a unit: renamed, closed, replaced - and roster entries and links follow (S9, S10, S11)."""

from __future__ import annotations

from collections import ChainMap
from dataclasses import replace

from handlers import links, reevaluate, roster
from handlers.versions import late_removal, late_state, late_tombstone
from handlers.world import Needs, Unit, World, meaning
from handlers.world.changes import Cause, Outcome
from schemas.read import Tombstone
from schemas.unit import UnitRemoved, UnitState

UnitEvent = UnitState | UnitRemoved | Tombstone


def needs(event: UnitEvent, world: World, cause: Cause) -> Needs:
    """Roster and linked patients of every unit whose standing or meaning the news changes."""
    held = world.unit(event.hsa_id or "")
    if _late(event, held, cause) is not None or not _news(told := _told(event, held, cause), held):
        return Needs()
    touched = _touched(world, told)
    return Needs(roster_of=touched, links_of_unit=touched, imports_at=touched)


def decide(event: UnitEvent, world: World, cause: Cause) -> Outcome:
    """Takes the news if it is not late (S2, S11) and lets roster and links follow."""
    held = world.unit(event.hsa_id or "")
    late = _late(event, held, cause)
    if late is not None:
        return late
    told = _told(event, held, cause)
    if told != held:
        world.changed_units.add(told.hsa_id)
    if _news(told, held):
        _take(world, held, told, cause)
        return Outcome.APPLIED
    world.units[told.hsa_id] = told
    return Outcome.APPLIED if told.version != held.version else Outcome.UNCHANGED


def follow(world: World, touched: set[str], cause: Cause) -> None:
    """Entries and waiting imports of a replaced unit move; then every doctor there stands as the units now let them."""
    pairs = sorted(pair for pair in world.roster if pair.unit in touched)
    for pair in pairs:
        if (unit := world.resolve(pair.unit)) != pair.unit:
            roster.move(world, pair, unit)
    for key in sorted(key for key in world.imports if key[0] in touched):
        world.move_import(key, world.resolve(key[0]))
    for doctor in sorted({pair.doctor for pair in pairs}):
        for pair in roster.pairs_of(world, doctor):
            roster.settle(world, pair, cause)


def _late(event: UnitEvent, held: Unit, cause: Cause) -> Outcome | None:
    if isinstance(event, UnitState):
        return late_state(held, event.version)
    if isinstance(event, UnitRemoved):
        return late_removal(held, event.version)
    return late_tombstone(held, cause.time)


def _take(world: World, held: Unit, told: Unit, cause: Cause) -> None:
    """Puts the new state in place, then asks of every roster entry and link it touches whether it may stand."""
    touched = _touched(world, told)
    patients = world.patients_at(touched)
    world.units[told.hsa_id] = told
    world.forget_meanings()
    follow(world, touched, cause)
    for patient in patients:
        changed = reevaluate.settle(world, patient, cause)
        renamed = held.name != told.name and patient.link is not None and patient.link.unit == told.hsa_id
        if renamed and not changed:
            links.rename(world, patient, "unit_renamed", cause)


def _told(event: UnitEvent, held: Unit, cause: Cause) -> Unit:
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
        )
    version = event.version if isinstance(event, UnitRemoved) else held.version
    return replace(held, version=version, fact_at=cause.time, removed=True, name=None, care_giver=None, start=None)


def _news(told: Unit, held: Unit) -> bool:
    """Whether anything but the version and its time differs."""
    return replace(told, version=held.version, fact_at=held.fact_at) != held


def _touched(world: World, told: Unit) -> set[str]:
    """The unit, and every unit that some id means before the news but not after it, or the other way round."""
    after = ChainMap({told.hsa_id: told}, world.units)
    ids = {told.hsa_id, *(hsa_id for hsa_id, fact in world.units.items() if fact.replaced_by)}
    touched = {told.hsa_id}
    for hsa_id in ids:
        now = meaning(after, hsa_id, world.today)
        if now != world.resolve(hsa_id):
            touched |= {hsa_id, now, world.resolve(hsa_id)}
    return touched
