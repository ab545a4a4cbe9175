"""Whether a fact is ignored: versions, removals and tombstones (S2, S11), and places, where records are judged out of
their order (R2)."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from handlers.world.changes import Cause, Outcome, Place


class Placed(Protocol):
    """What is stored of a fact; `place` is that of the record it was taken from last, where that is known."""

    place: Place | None


class Versioned(Placed, Protocol):
    """A person or a unit as stored; `version` is None while nothing was heard."""

    version: int | None
    removed: bool
    fact_at: datetime | None


def overtaken(current: Placed, cause: Cause) -> bool:
    """Whether the fact was taken from a record that stands later in the same partition: of two with one version that
    one wins, whichever is judged last (R2). The places of different partitions tell nothing."""
    stored, new = current.place, cause.place
    return stored is not None and new is not None and stored.partition == new.partition and new.offset < stored.offset


def ignored_state(current: Versioned, version: int, cause: Cause) -> Outcome | None:
    """`stale` for a lower version, for one whose removal is known, and for one that was overtaken; None when the state
    is to be taken."""
    if current.version is None or version > current.version:
        return None
    return Outcome.STALE if version < current.version or current.removed or overtaken(current, cause) else None


def ignored_removal(current: Versioned, version: int) -> Outcome | None:
    """At the same version a removal wins over a state; None when it is to be taken."""
    if current.version is None or version > current.version:
        return None
    if version < current.version:
        return Outcome.STALE
    return Outcome.UNCHANGED if current.removed else None


def ignored_tombstone(current: Versioned, cause: Cause) -> Outcome | None:
    """A tombstone removes as of the record's timestamp, and nothing that stands behind it; None when it is to be
    taken."""
    if current.version is None or current.removed:
        return Outcome.UNCHANGED
    later = current.fact_at is not None and current.fact_at > cause.time
    return Outcome.STALE if later or overtaken(current, cause) else None
