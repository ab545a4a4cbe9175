"""Whether news of a person or a unit is late: versions, removals and tombstones (S2, S11)."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from handlers.world.changes import Outcome


class Held(Protocol):
    """What is held of a person or a unit; `version` is None while nothing was heard."""

    version: int | None
    removed: bool
    fact_at: datetime | None


def late_state(held: Held, version: int) -> Outcome | None:
    """`stale` for a lower version, or for one whose removal is known; None when the state is to be taken."""
    if held.version is None or version > held.version:
        return None
    return Outcome.STALE if version < held.version or held.removed else None


def late_removal(held: Held, version: int) -> Outcome | None:
    """At the same version a removal wins over a state; None when it is to be taken."""
    if held.version is None or version > held.version:
        return None
    if version < held.version:
        return Outcome.STALE
    return Outcome.UNCHANGED if held.removed else None


def late_tombstone(held: Held, at: datetime) -> Outcome | None:
    """A tombstone removes as of the record's timestamp; None when it is to be taken."""
    if held.version is None or held.removed:
        return Outcome.UNCHANGED
    return Outcome.STALE if held.fact_at is not None and held.fact_at > at else None
