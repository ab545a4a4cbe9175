"""Whether a fact on a person or a unit is ignored: versions, removals and tombstones (S2, S11)."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from handlers.world.changes import Outcome


class Versioned(Protocol):
    """A person or a unit as stored; `version` is None while nothing was heard."""

    version: int | None
    removed: bool
    fact_at: datetime | None


def ignored_state(current: Versioned, version: int) -> Outcome | None:
    """`stale` for a lower version, or for one whose removal is known; None when the state is to be taken."""
    if current.version is None or version > current.version:
        return None
    return Outcome.STALE if version < current.version or current.removed else None


def ignored_removal(current: Versioned, version: int) -> Outcome | None:
    """At the same version a removal wins over a state; None when it is to be taken."""
    if current.version is None or version > current.version:
        return None
    if version < current.version:
        return Outcome.STALE
    return Outcome.UNCHANGED if current.removed else None


def ignored_tombstone(current: Versioned, at: datetime) -> Outcome | None:
    """A tombstone removes as of the record's timestamp; None when it is to be taken."""
    if current.version is None or current.removed:
        return Outcome.UNCHANGED
    return Outcome.STALE if current.fact_at is not None and current.fact_at > at else None
