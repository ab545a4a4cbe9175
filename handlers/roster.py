"""A doctor at a unit: activation, pause and profile, and what the doctor topic says of the pair (S4, S6, C4, C5)."""

from __future__ import annotations

from dataclasses import asdict

from handlers.eligibility import absent, displayed_employment, is_selectable, qualifying_employments
from handlers.world import Employment, Profile, RosterEntry, World, includes
from handlers.world.changes import Cause, DoctorChange, Json, Pair, days_text
from schemas.doctor import UnavailableBecause


def get_or_create(world: World, pair: Pair) -> RosterEntry:
    """The roster entry of the pair; a new, never activated one where there is none."""
    existing = world.roster.get(pair)
    if existing is not None:
        return existing
    created = RosterEntry(pair, revision=world.doctors[pair.doctor].last_revision)
    world.add_entry(created)
    world.changes.touch_entry(created)  # saved even where nothing is published: the unit may open, or be replaced
    return created


def pairs_of(world: World, doctor: str) -> list[Pair]:
    """Every pair of the doctor that has an entry or owns one from now on, because it is selectable (S3, S4)."""
    posted = {Pair(unit, doctor) for unit in world.employments_of(doctor)}
    return sorted(world.entries_of.get(doctor, set()) | {pair for pair in posted if is_selectable(world, pair)})


def may_be_active(world: World, pair: Pair) -> bool:
    """Selectable, at a unit that is open (S6, S9)."""
    return not world.closed(pair.unit) and is_selectable(world, pair)


def reevaluate(world: World, pair: Pair, cause: Cause) -> None:
    """Makes inactive who may not be active, drops a pause that is over, and publishes what differs."""
    entry = get_or_create(world, pair)
    if entry.active and not may_be_active(world, pair):
        deactivate(world, entry)
    if entry.pause is not None and entry.pause.end is not None and entry.pause.end < world.today:
        entry.pause = None
        world.changes.touch_entry(entry)
    publish(world, entry, cause)


def move(world: World, old: Pair, unit: str) -> None:
    """The entry moves whole to the unit that replaced its own; one ever activated there stands and is active when
    either was (S9). Both are reevaluated afterwards."""
    source, target = get_or_create(world, old), get_or_create(world, Pair(unit, old.doctor))
    if not source.activated:
        return
    if target.activated:
        target.active = target.active or source.active
    else:
        target.activated, target.active = True, source.active
        target.pause, target.profile = source.pause, source.profile
    source.activated = source.active = False
    source.pause, source.profile = None, Profile()
    world.changes.touch_entry(source)
    world.changes.touch_entry(target)


def deactivate(world: World, entry: RosterEntry) -> None:
    """Becoming inactive, for whatever reason, clears a pause; the profile is kept (S6)."""
    entry.active = False
    entry.pause = None
    world.changes.touch_entry(entry)


def forget(world: World, entry: RosterEntry, cause: Cause) -> None:
    """Nothing of the entry is kept, its unit included; the doctor topic is told that the pair is gone (S7)."""
    publish(world, entry, cause)
    world.remove_entry(entry.pair)


def paused(world: World, entry: RosterEntry) -> bool:
    """Paused today (C5)."""
    return entry.pause is not None and includes(entry.pause.start, entry.pause.end, world.today)


def publish(world: World, entry: RosterEntry, cause: Cause) -> None:
    """Publishes the doctor record where it differs from the last one; figures have their own time (contract.md)."""
    payload = doctor_payload(world, entry)
    if payload == entry.published:
        return
    entry.published = payload
    entry.revision += 1
    world.changes.touch_entry(entry)
    world.changes.record(DoctorChange(entry.pair, entry.revision, payload, cause))


def doctor_payload(world: World, entry: RosterEntry) -> Json | None:
    """The doctor record without figures, None when the pair is not to be shown (contract.md, listning.doctor.v1).

    `ceiling_reached` belongs to the figures; `add_statistics` adds it.
    """
    pair = entry.pair
    doctor = world.doctors[pair.doctor]
    candidates = qualifying_employments(world, pair)
    employment = displayed_employment(candidates)
    closed = world.closed(pair.unit)
    if doctor.protected or not (entry.activated or (employment is not None and not closed)):
        return None
    reasons: tuple[tuple[UnavailableBecause, bool], ...] = (
        ("not_selectable", employment is None),
        ("not_active", not entry.active),
        ("paused", paused(world, entry)),
        ("absent", absent(world, pair)),
        ("unit_closed", closed),
    )
    return {
        "unit_hsa_id": pair.unit,
        "doctor": {
            "hsa_id": pair.doctor,
            "vgr_id": doctor.vgr_id,
            "name": doctor.name,
            "title": employment.title if employment else None,
        },
        "employment": _period(employment),
        "selectable": employment is not None,
        "active": entry.active,
        "unavailable_because": [code for code, applies in reasons if applies],
        "profile": asdict(entry.profile),
    }


def _period(employment: Employment | None) -> Json | None:
    return employment and {"start": days_text(employment.start), "end": days_text(employment.end)}
