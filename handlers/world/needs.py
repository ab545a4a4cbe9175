"""What a decision must see of the world before it can be made."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from handlers.changes import Pair


@dataclass(slots=True)
class Needs:
    """Sets of keys to load and lock; the units and the day are always there.

    `new_patients` are given a row where they have none; `patients` that are unknown stay unknown. A doctor comes with
    every roster entry of theirs. `links_of` stands for every patient linked at the pair, `unlinked_at` for every patient
    who may lack a doctor at the unit, `due_doctors` for every doctor and entry something happens to today.
    """

    directory: bool = False
    due_doctors: bool = False
    roster_of: set[str] = field(default_factory=set)
    doctors: set[str] = field(default_factory=set)
    links_of: set[Pair] = field(default_factory=set)
    patients: set[int] = field(default_factory=set)
    new_patients: set[int] = field(default_factory=set)
    counts: set[Pair] = field(default_factory=set)
    unlinked_at: set[str] = field(default_factory=set)
    imports: set[tuple[str, str]] = field(default_factory=set)
    waiting_imports: bool = False

    def add(self, other: Needs) -> None:
        """Needs all that the other needs as well."""
        for name in _NAMES:
            mine, theirs = getattr(self, name), getattr(other, name)
            if isinstance(theirs, bool):
                setattr(self, name, mine or theirs)
            elif theirs:
                mine |= theirs

    def minus(self, met: Needs) -> Needs | None:
        """What of this is not met yet; None when nothing is missing."""
        missing = Needs()
        some = False
        for name in _NAMES:
            mine, have = getattr(self, name), getattr(met, name)
            if isinstance(mine, bool):
                left: object = mine and not have
            elif not mine or mine <= have:
                continue
            else:
                left = mine - have
            if left:
                setattr(missing, name, left)
                some = True
        return missing if some else None


_NAMES = tuple(f.name for f in fields(Needs))
