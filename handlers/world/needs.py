"""What a decision must see of the world before it can be made."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass, fields
from datetime import date
from operator import attrgetter
from typing import Any

from handlers.world.changes import Pair

NOTHING: frozenset[Any] = frozenset()


@dataclass(slots=True)
class Needs:
    """Sets of keys to load and lock; the units and the day are always there.

    `new_patients` are made where there are none; `patients` that are unknown stay unknown. A doctor comes with every
    roster entry of theirs. `patients_by_key` are patients known by their keys, `patient_keys` the ids whose keys are
    asked for, known or not. `links_of_*` stand for every patient linked there, `counts` for the number of patients
    linked at a pair, `unlinked_at` for every patient who may lack a doctor at the unit, `due` for every doctor, roster
    entry and waiting import that something happens to when the day begins.
    """

    due: Set[date] = NOTHING
    roster_of: Set[str] = NOTHING
    doctors: Set[str] = NOTHING
    links_of_doctor: Set[str] = NOTHING
    links_of_unit: Set[str] = NOTHING
    patients: Set[int] = NOTHING
    new_patients: Set[int] = NOTHING
    patients_by_key: Set[str] = NOTHING
    patient_keys: Set[int] = NOTHING
    counts: Set[Pair] = NOTHING
    unlinked_at: Set[str] = NOTHING
    imports: Set[tuple[str, str]] = NOTHING
    imports_at: Set[str] = NOTHING
    import_rows: Set[tuple[str, str]] = NOTHING

    def add(self, other: Needs) -> None:
        """Needs all that the other needs as well."""
        for name, theirs in zip(_NAMES, _sets(other), strict=True):
            if theirs:
                mine = getattr(self, name)
                if isinstance(mine, set):
                    mine |= theirs
                else:
                    setattr(self, name, {*mine, *theirs})

    def minus(self, loaded: Needs) -> Needs | None:
        """What of this is not met yet; None when nothing is missing."""
        missing: Needs | None = None
        for name, mine, have in zip(_NAMES, _sets(self), _sets(loaded), strict=True):
            if mine and not mine <= have:
                missing = missing or Needs()
                setattr(missing, name, mine - have)
        return missing


_NAMES = tuple(f.name for f in fields(Needs))
_sets: Callable[[Needs], tuple[Set[Any], ...]] = attrgetter(*_NAMES)  # every event of a batch asks for all of them
