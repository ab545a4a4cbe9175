"""Which unit an id means: replacements are followed, a cycle stops at its first repeat (S9)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from handlers.world.entities import Unit


class Successors:
    """What ids mean on one day. Each is looked into once, however long the chains of replacements are."""

    def __init__(self, units: Mapping[str, Unit], day: date) -> None:
        """`units` must not change for as long as this is used."""
        self._units = units
        self._day = day
        self._known: dict[str, str] = {}

    def of(self, unit: str) -> str:
        """The unit that the id means."""
        found = self._known.get(unit)
        return self._follow(unit) if found is None else found

    def _follow(self, unit: str) -> str:
        known, path = self._known, dict[str, None]()
        while unit not in known:
            if unit in path:  # Whoever is on a cycle means itself, and who leads to it the first of it.
                on_cycle = list(path)
                on_cycle = on_cycle[on_cycle.index(unit) :]
                known.update(zip(on_cycle, on_cycle, strict=True))
                break
            fact = self._units.get(unit)
            if fact is None or fact.replaced_by is None or not fact.replaced(self._day):
                known[unit] = unit
                break
            path[unit] = None
            unit = fact.replaced_by
        for one in path:
            known.setdefault(one, known[unit])
        return known[next(iter(path), unit)]
