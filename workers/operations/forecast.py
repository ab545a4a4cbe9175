"""What the turns of the coming days will cause, if nothing else arrives (operations.md, Forecast)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any

from handlers.world.changes import AuditEntry, Cause, ChangeRecord, DoctorChange, LinkChange
from infra.errors import UnusableSelection
from infra.postgres.rehearsal import Snapshot
from schemas.topics import LISTNING_CLOCK
from workers.operations.rehearsed_state import RehearsedState
from workers.operations.report import events_json
from workers.operations.tally import Tally
from workers.runtime import Runtime

ONE_DAY = timedelta(days=1)


@dataclass(slots=True)
class Turn:
    """What a day will cause, and the HSA-ids of the doctors and units concerned."""

    day: date
    tally: Tally = field(default_factory=Tally)
    doctors: set[str] = field(default_factory=set)
    units: set[str] = field(default_factory=set)

    def add(self, changes: Iterable[ChangeRecord]) -> None:
        """Counts what is said to somebody."""
        changes = list(changes)
        self.tally.add([], changes)
        for change in changes:
            match change:
                case DoctorChange():
                    self._concerns(*change.pair)
                case LinkChange() | AuditEntry():
                    self._concerns(change.unit, change.doctor)

    def _concerns(self, unit: str | None, doctor: str | None) -> None:
        self.units |= {unit} if unit else set()
        self.doctors |= {doctor} if doctor else set()


@dataclass(slots=True)
class Forecast:
    """The days up to and including `until` on which something happens; `day` is the installation's, which they follow.
    `estimated_from`: the day from which on too much had changed to carry all of it (O2)."""

    day: date
    until: date
    turns: list[Turn] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    estimated_from: date | None = None

    def as_json(self) -> dict[str, Any]:
        """What `fastlakare forecast --json` prints."""
        told = {
            "day": self.day.isoformat(),
            "until": self.until.isoformat(),
            "days": [
                {
                    "day": turn.day.isoformat(),
                    "events": events_json(turn.tally),
                    "doctors": sorted(turn.doctors),
                    "units": sorted(turn.units),
                }
                for turn in self.turns
            ],
            "digest": self.tally.totals({}).digest.hex(),
        }
        return told if self.estimated_from is None else {**told, "estimated_from": self.estimated_from.isoformat()}


async def forecast(runtime: Runtime, snapshot: Snapshot, until: date | None = None) -> Forecast:
    """What each day up to and including `until` will cause; None: the next day. Raises DayUnknown before the first day,
    UnusableSelection for a day that has begun, and what the database raises."""
    state = RehearsedState(runtime, snapshot)
    target = until or state.today + ONE_DAY
    if target <= state.today:
        raise UnusableSelection(f"day {target} has begun: the installation's day is {state.today}, ask for a later one")
    found = Forecast(state.today, target)
    cause = Cause(
        LISTNING_CLOCK, target.isoformat(), datetime.combine(target, time_of_day(), UTC), topic=LISTNING_CLOCK
    )
    async for day, changes in state.turn(target, cause):
        if changes:
            if not found.turns or found.turns[-1].day != day:
                found.turns.append(Turn(day))
            found.turns[-1].add(changes)
            found.tally.add([], changes)
        if state.full and found.estimated_from is None:
            found.estimated_from = day
    return found
