"""A region in memory for handler tests: events happen, days begin, and what was published is asked for."""

from __future__ import annotations

from collections import defaultdict
from copy import deepcopy
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

from handlers.decide import Handlers, decide_batch, load_missing
from handlers.world import Link, Needs, Policy, RosterEntry
from handlers.world.changes import (
    AuditEntry,
    Cause,
    DoctorChange,
    Json,
    LinkChange,
    Outcome,
    Pair,
    Place,
    ReplyCreated,
    ReplyResent,
)
from schemas.clock import DayBegan
from schemas.read import Tombstone
from tests.harness import builders as a
from tests.harness.builders import DOCTOR, NOON, PATIENT, TODAY, UNIT
from tests.harness.store import Store
from workers.routes import ROUTES

#: as `workers/routes.py` has them; what a tombstone means depends on its topic
HANDLERS: Handlers = {
    event: handler for route in ROUTES.values() for event, handler in route.handlers.items() if event is not Tombstone
}


class Region(Store):
    """The handlers over a store."""

    def __init__(self, *events: Any, policy: Policy | None = None, today: date = TODAY) -> None:
        super().__init__(policy or Policy(), today)
        self._ids = count(1)
        for event in events:
            self.happens(event)

    def happens(
        self,
        *events: Any,
        at: datetime = NOON,
        id: str | None = None,
        tombstones: Any = None,
        place: tuple[int, int] | None = None,
    ) -> Outcome:
        """One batch of events; the outcome of the last. `tombstones`: the handler of the topic they stand in. `place`:
        partition and offset of the only record; else records stand behind each other in partition 0."""
        handlers = HANDLERS if tombstones is None else {**HANDLERS, Tombstone: tombstones}
        batch = [(event, self._cause(event, at, id, place)) for event in events]
        world = self.world()
        outcomes = self.drive(decide_batch(batch, handlers, world), world)
        self.save(world)
        return outcomes[-1]

    def asks(self, event: Any, **how: Any) -> str:
        """The code that a command is answered with, or its outcome when nothing is said."""
        outcome = self.happens(event, **how)
        return str(self.reply["code"]) if outcome in (Outcome.ACCEPTED, Outcome.REFUSED) else str(outcome)

    def day_begins(self, day: date, *, at: datetime = NOON, works_off: bool = True) -> None:
        """Days pass one by one until this one; unless `works_off`, linked patients are left for later (T5)."""
        while self.today < day:
            world = self.world()
            turn, cause = self.today + timedelta(days=1), Cause("clock", f"day/{day}", at)
            self.drive(decide_batch([(DayBegan(day=turn), cause)], HANDLERS, world), world)
            self.today, self.began = turn, cause
            self.save(world)
            if works_off:
                self.works_off()

    def works_off(self) -> None:
        """What the day caused for linked patients happens now."""
        due = [p for p in self.patients.values() if p.due is not None and p.due <= self.today]
        doctors = {p.link.doctor for p in due if p.link is not None}
        world = self.world()
        self.drive(load_missing(world, [], Needs(patients={p.id for p in due}, doctors=doctors)), world)
        self.save(world)

    def copy(self) -> Region:
        """The same region once more, to have something else happen to."""
        other = Region(policy=self.policy, today=self.today)
        other.units, other.doctors, other.roster = dict(self.units), dict(self.doctors), dict(self.roster)
        other.patients, other.imports = dict(self.patients), deepcopy(self.imports)
        other.changes = list(self.changes)
        return other

    # what is stored and was published, as tests ask for it

    @property
    def reply(self) -> Json:
        """The last reply."""
        return [change.value for change in self.changes if isinstance(change, ReplyCreated)][-1]

    @property
    def link_changes(self) -> list[tuple[str, str, str]]:
        """Every change that 1177 heard, in order: patient, change, reason."""
        return [(f"{c.patient_id:012d}", c.change, c.reason) for c in self.changes if isinstance(c, LinkChange)]

    def changes_of(self, patient: str = PATIENT) -> list[tuple[str, str]]:
        """What 1177 heard of one patient, in order: change and reason."""
        return [(change, reason) for who, change, reason in self.link_changes if who == patient]

    def last(self, patient: str = PATIENT) -> LinkChange:
        """The newest record of the patient's key."""
        return [c for c in self.changes if isinstance(c, LinkChange) and c.patient_id == int(patient)][-1]

    def revisions(self, patient: str = PATIENT) -> list[int]:
        """The revisions of all records of the patient's key, in order."""
        return [c.revision for c in self.changes if isinstance(c, LinkChange) and c.patient_id == int(patient)]

    def value(self, patient: str = PATIENT) -> Json:
        """The data of the newest record of the patient's key, which is not a withdrawal."""
        value = self.last(patient).value
        assert value is not None
        return value

    def doctor_record(self, doctor: str = DOCTOR, unit: str = UNIT) -> Json | None:
        """The newest record of the doctor at the unit; None: nothing yet, or that the pair is gone."""
        published = [c.payload for c in self.changes if isinstance(c, DoctorChange) and c.pair == Pair(unit, doctor)]
        return published[-1] if published else None

    def link(self, patient: str = PATIENT) -> Link | None:
        """The patient's fast läkarkontakt."""
        found = self.patients.get(int(patient))
        return None if found is None else found.link

    def entry(self, doctor: str = DOCTOR, unit: str = UNIT) -> RosterEntry:
        """The doctor at the unit."""
        return self.roster[Pair(unit, doctor)]

    def since(self, mark: int) -> list[tuple[str, str, str]]:
        """What 1177 heard after so many of its changes."""
        return self.link_changes[mark:]

    @property
    def audited(self) -> list[tuple[str, str]]:
        """The audit rows of what changed no link: what, and how it ended."""
        return [(c.what, c.reason) for c in self.changes if isinstance(c, AuditEntry)]

    @property
    def resent(self) -> list[tuple[str, str]]:
        """The commands whose stored reply was asked for again."""
        return [(c.source, c.id) for c in self.changes if isinstance(c, ReplyResent)]

    def _cause(self, event: Any, at: datetime, id: str | None, place: tuple[int, int] | None) -> Cause:
        actor = getattr(event, "actor", None)
        number = next(self._ids)
        name = id or f"message-{number}"
        stands = Place(*(place or (0, number)))
        return Cause("a-source", name, at, actor=actor and actor.id, role=actor and actor.role, place=stands)


def shares(region: Region) -> dict[str, int]:
    """How many patients each doctor has."""
    found: dict[str, int] = defaultdict(int)
    for patient in region.patients.values():
        if patient.link is not None:
            found[patient.link.doctor] += 1
    return dict(found)


def ready(*events: Any, doctors: tuple[str, ...] = (DOCTOR,), policy: Policy | None = None) -> Region:
    """A region where the unit is known, these doctors are active there and the patient is listed there; and then."""
    before = [event for doctor in doctors for event in (a.staff(doctor), a.activate(doctor))]
    return Region(a.unit(), *before, a.listing(), *events, policy=policy)
