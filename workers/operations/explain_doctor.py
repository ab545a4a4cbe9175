"""Why a doctor takes new patients at a unit, or not: each thing that KiV and the vårdcentral say of it, held against
today by the handlers' own rules (S3, S5, S9)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any, NamedTuple

from handlers.eligibility import qualifying_employments
from handlers.roster import doctor_payload
from handlers.world import Doctor, Employment, Policy, RosterEntry, World, includes
from handlers.world.changes import Pair
from handlers.world.statistics import Statistics, add_statistics
from infra.postgres import explanation
from infra.postgres.connection import checkout, create_engine
from infra.postgres.explanation import AuditRow, DoctorHistory
from infra.settings import Settings
from schemas.doctor import UnavailableBecause
from schemas.topics import KIV_STAFF, KIV_UNIT
from workers.operations.explain import Told
from workers.operations.timeline import HERE, Step, held, steps, until

#: by which rule a doctor is not available
RULE_OF: dict[UnavailableBecause, str] = {
    "not_selectable": "S3",
    "not_active": "C4",
    "paused": "C5",
    "absent": "S5",
    "ceiling_reached": "C7",
    "unit_closed": "S9",
}
_PUBLISHED = "doctor_published"


class EmploymentNow(NamedTuple):
    """An employment, and whether it makes the doctor selectable at the unit today; `because` says why not:
    `other_unit`, `position_code`, `not_begun`, `over`, `not_licensed`."""

    unit: str
    means: str
    position_code: str | None
    start: date | None
    end: date | None
    counts: bool
    because: str | None
    absent: bool


class Person(NamedTuple):
    """What KiV last said of the doctor."""

    version: int | None
    licensed: bool
    protected: bool
    removed: bool
    employments: tuple[EmploymentNow, ...]


class AtUnit(NamedTuple):
    """What the vårdcentral said, and how many patients the doctor has there."""

    activated: bool
    active: bool
    pause_start: date | None
    pause_end: date | None
    patient_ceiling: int | None
    listed_patients: int


class UnitNow(NamedTuple):
    """The unit; `means` is another one where it was replaced (S9)."""

    hsa_id: str
    means: str
    closed: bool
    kind: str
    end: date | None
    removed: bool


@dataclass(frozen=True)
class DoctorExplanation:
    """`day` is the one that was asked about, None for now; of a day that is over only the audit trail tells, so
    `unavailable_because` is what the doctor topic said then without the figures, and the rest is None."""

    pair: Pair
    day: date | None
    unavailable_because: tuple[str, ...] | None
    unit: UnitNow | None
    person: Person | None
    at_unit: AtUnit | None
    timeline: tuple[Step, ...]
    told: Told | None

    @property
    def key(self) -> str:
        """The key of the pair's records."""
        return f"{self.pair.unit}/{self.pair.doctor}"

    def as_json(self) -> dict[str, Any]:
        """What `fastlakare explain doctor --json` prints; days are `YYYY-MM-DD`."""
        person = self.person and {
            **self.person._asdict(),
            "employments": [one._asdict() for one in self.person.employments],
        }
        return {
            "key": self.key,
            "unavailable_because": None if self.unavailable_because is None else list(self.unavailable_because),
            "unit": self.unit and self.unit._asdict(),
            "person": person,
            "at_unit": self.at_unit and self.at_unit._asdict(),
            "timeline": [step.as_json() for step in self.timeline],
            "told": self.told and self.told._asdict(),
        }


async def of_pair(settings: Settings, pair: Pair, day: date | None) -> DoctorExplanation:
    """Of a doctor at a unit. Raises what the database raises."""
    engine = create_engine(settings, pool_size=1, application_name="fastlakare explain")
    try:
        async with checkout(engine) as pg:
            return explain(await explanation.read_doctor(pg, pair), settings.policy, day)
    finally:
        await engine.dispose()


def explain(history: DoctorHistory, policy: Policy, day: date | None = None) -> DoctorExplanation:
    """What the history says of now, or of the end of a day that is over: then by the audit trail alone."""
    pair = history.pair
    trail = until(history.trail, day)
    timeline = steps(trail, f"{pair.unit}/{pair.doctor}")
    last = next((row for row in reversed(trail) if row.revision is not None), None)
    if day is not None and day < history.now.astimezone(HERE).date():
        because = None
        if last is not None and last.what == _PUBLISHED:
            because = () if last.reason == "available" else tuple(last.reason.split(", "))
        return DoctorExplanation(pair, day, because, None, None, None, tuple(timeline), _told(pair, last))
    world = _world(history, policy)
    unit = world.unit(pair.unit)
    timeline += held("unit", "S9", KIV_UNIT, unit.place, unit.fact_at)
    person = history.person
    if person is not None:
        timeline += held("person", "S2", KIV_STAFF, person.place, person.fact_at)
    entry = world.roster[pair]
    return DoctorExplanation(
        pair,
        None,
        _unavailable(world, entry, history.patients),
        UnitNow(pair.unit, world.resolve_unit(pair.unit), world.closed(pair.unit), unit.kind, unit.end, unit.removed),
        None if person is None else _person(world, person, pair),
        AtUnit(
            entry.activated,
            entry.active,
            entry.pause and entry.pause.start,
            entry.pause and entry.pause.end,
            entry.profile.patient_ceiling,
            history.patients,
        ),
        tuple(timeline),
        _told(pair, last, history.entry),
    )


def _world(history: DoctorHistory, policy: Policy) -> World:
    """As a decision of today would see the pair."""
    world = World(history.day.day or date.min, history.day.cause, policy, history.units)
    world.add_doctor(history.person or Doctor(history.pair.doctor))
    world.add_entry(history.entry or RosterEntry(history.pair))
    return world


def _unavailable(world: World, entry: RosterEntry, patients: int) -> tuple[str, ...]:
    """In the doctor topic's words, also where it says nothing of the pair: as if the doctor had been activated once."""
    payload = doctor_payload(world, replace(entry, activated=True))
    if payload is None:  # protected: nothing may be shown, and nothing is (S7)
        return ("not_selectable", "not_active")
    return tuple(add_statistics(payload, Statistics(patients, 0.0), "")["unavailable_because"])


def _person(world: World, person: Doctor, pair: Pair) -> Person:
    counting = qualifying_employments(world, pair)
    employments = tuple(_employment(world, post, pair, post in counting) for post in person.employments)
    return Person(person.version, person.licensed, person.protected, person.removed, employments)


def _employment(world: World, post: Employment, pair: Pair, counts: bool) -> EmploymentNow:
    means = world.resolve_unit(post.unit)
    because = None
    if means != pair.unit:
        because = "other_unit"
    elif post.position_code not in world.policy.eligible_positions:
        because = "position_code"
    elif post.start is not None and post.start > world.today:
        because = "not_begun"
    elif not includes(post.start, post.end, world.today):
        because = "over"
    elif not counts:
        because = "not_licensed"
    away = any(includes(one.start, one.end, world.today) for one in post.absences)
    return EmploymentNow(post.unit, means, post.position_code, post.start, post.end, counts, because, away)


def _told(pair: Pair, last: AuditRow | None, entry: RosterEntry | None = None) -> Told | None:
    """What the doctor topic said last of the pair. The entry's revision counts records for figures too, of which the
    trail has none."""
    if entry is not None and entry.published is not None:
        revision, status = entry.revision, "published"
    elif last is not None and last.revision is not None:
        revision, status = last.revision, "published" if last.what == _PUBLISHED else "withdrawn"
    else:
        return None
    return Told(revision, status, f"{pair.unit}/{pair.doctor}/{revision}")
