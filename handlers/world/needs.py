"""What a decision must see of the world before it can be made."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import date

from handlers.changes import Pair


@dataclass(slots=True)
class Needs:
    """Sets of keys to load and lock; the units and the day are always there.

    `new_patients` are made where there are none; `patients` that are unknown stay unknown. A doctor comes with every
    roster entry of theirs. `links_of_*` stand for every patient linked there, `counts` for the number of patients
    linked at a pair, `unlinked_at` for every patient who may lack a doctor at the unit, `due` for every doctor, roster
    entry and waiting import that something happens to when the day begins.
    """

    due: set[date] = field(default_factory=set)
    roster_of: set[str] = field(default_factory=set)
    doctors: set[str] = field(default_factory=set)
    links_of_doctor: set[str] = field(default_factory=set)
    links_of_unit: set[str] = field(default_factory=set)
    patients: set[int] = field(default_factory=set)
    new_patients: set[int] = field(default_factory=set)
    counts: set[Pair] = field(default_factory=set)
    unlinked_at: set[str] = field(default_factory=set)
    imports: set[tuple[str, str]] = field(default_factory=set)
    imports_at: set[str] = field(default_factory=set)
    import_rows: set[tuple[str, str]] = field(default_factory=set)

    def add(self, other: Needs) -> None:
        """Needs all that the other needs as well."""
        for name in _NAMES:
            if theirs := getattr(other, name):
                getattr(self, name).update(theirs)

    def minus(self, met: Needs) -> Needs | None:
        """What of this is not met yet; None when nothing is missing."""
        missing = Needs()
        some = False
        for name in _NAMES:
            mine, have = getattr(self, name), getattr(met, name)
            if mine and not mine <= have:
                setattr(missing, name, mine - have)
                some = True
        return missing if some else None


_NAMES = tuple(f.name for f in fields(Needs))
