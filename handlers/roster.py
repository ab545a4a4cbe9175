"""A doctor at a unit: activation, pause and profile, and what the doctor topic says of the pair (S4, S6, C4, C5)."""

from __future__ import annotations

from dataclasses import asdict

from handlers.eligibility import absent, posts, selectable, showing
from handlers.world import Profile, RosterEntry, World, includes
from handlers.world.changes import Cause, DoctorChange, Json, Pair, days_text


def entry(world: World, pair: Pair) -> RosterEntry:
    """The roster entry of the pair; a new, never activated one where there is none."""
    held = world.roster.get(pair)
    if held is None:
        held = RosterEntry(pair)
        world.add_entry(held)
        world.changed_entries.add(pair)  # kept even where nothing is said of it: the unit may open, or be replaced
    return held


def pairs_of(world: World, doctor: str) -> list[Pair]:
    """Every pair of the doctor that has an entry or owns one from now on, because it is selectable (S3, S4)."""
    posted = {Pair(world.resolve(post.unit), doctor) for post in world.doctors[doctor].employments}
    return sorted(world.entries_of.get(doctor, set()) | {pair for pair in posted if selectable(world, pair)})


def may_be_active(world: World, pair: Pair) -> bool:
    """Selectable, at a unit that is open (S6, S9)."""
    return not world.closed(pair.unit) and bool(posts(world, world.doctors[pair.doctor], pair.unit))


def settle(world: World, pair: Pair, cause: Cause) -> None:
    """Makes inactive who may not be active, drops a pause that is over, and tells the doctor topic what is new."""
    held = entry(world, pair)
    if held.active and not may_be_active(world, pair):
        deactivate(world, held)
    if held.pause is not None and held.pause.end is not None and held.pause.end < world.today:
        held.pause = None
        world.changed_entries.add(pair)
    publish(world, held, cause)


def move(world: World, old: Pair, unit: str) -> None:
    """The entry moves whole to the unit that replaced its own; one ever activated there stands and is active when
    either was (S9). Both are settled afterwards."""
    source, target = entry(world, old), entry(world, Pair(unit, old.doctor))
    if not source.activated:
        return
    if target.activated:
        target.active = target.active or source.active
    else:
        target.activated, target.active = True, source.active
        target.pause, target.profile = source.pause, source.profile
    source.activated = source.active = False
    source.pause, source.profile = None, Profile()
    world.changed_entries |= {source.pair, target.pair}


def deactivate(world: World, held: RosterEntry) -> None:
    """Becoming inactive, for whatever reason, clears a pause; the profile is kept (S6)."""
    held.active = False
    held.pause = None
    world.changed_entries.add(held.pair)


def forget(world: World, held: RosterEntry, cause: Cause) -> None:
    """Nothing of the entry is kept; the doctor topic is told that the pair is gone (S7, S9)."""
    held.activated = held.active = False
    held.pause = None
    held.profile = Profile()
    world.changed_entries.add(held.pair)
    publish(world, held, cause)


def paused(world: World, held: RosterEntry) -> bool:
    """Paused today (C5)."""
    return held.pause is not None and includes(held.pause.start, held.pause.end, world.today)


def publish(world: World, held: RosterEntry, cause: Cause) -> None:
    """Has the doctor topic say what it does not say yet; figures have their own time (contract.md)."""
    says = core(world, held)
    if says == held.published:
        return
    held.published = says
    held.revision += 1
    world.changed_entries.add(held.pair)
    world.changes.append(DoctorChange(held.pair, held.revision, says, cause))


def core(world: World, held: RosterEntry) -> Json | None:
    """The doctor record without figures, None when the pair is not to be shown (contract.md, listning.doctor.v1).

    `ceiling_reached` belongs to the figures; `with_figures` adds it.
    """
    pair = held.pair
    doctor = world.doctors[pair.doctor]
    candidates = posts(world, doctor, pair.unit)
    post = showing(candidates)
    closed = world.closed(pair.unit)
    if doctor.protected or not (held.activated or (post is not None and not closed)):
        return None
    reasons = [
        name
        for name, holds in (
            ("not_selectable", post is None),
            ("not_active", not held.active),
            ("paused", paused(world, held)),
            ("absent", absent(world, pair)),
            ("unit_closed", closed),
        )
        if holds
    ]
    return {
        "unit_hsa_id": pair.unit,
        "doctor": {
            "hsa_id": pair.doctor,
            "vgr_id": doctor.vgr_id,
            "name": doctor.name,
            "title": post.title if post else None,
        },
        "employment": {"start": days_text(post.start), "end": days_text(post.end)} if post else None,
        "selectable": post is not None,
        "active": held.active,
        "unavailable_because": reasons,
        "profile": asdict(held.profile),
    }
