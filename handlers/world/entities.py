"""The things decisions are about: units, doctors, roster entries, patients (glossary.md)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from handlers.world.changes import Json, Pair, Place
from schemas.fields import TEXT_CHARACTERS


def includes(start: date | None, end: date | None, day: date) -> bool:
    """Whether the range holds the day; both ends belong to it and a missing end is open (rules.md)."""
    return (start is None or start <= day) and (end is None or day <= end)


@dataclass(slots=True)
class Unit:
    """What KiV last said of a unit; `version` is None while nothing was heard (S9, S10)."""

    hsa_id: str
    version: int | None = None
    removed: bool = False
    fact_at: datetime | None = None
    name: str | None = None
    kind: str = "vardcentral"
    care_giver: str | None = None
    end: date | None = None
    replaced_by: str | None = None
    #: decides nothing (S9), but another one makes it another fact
    start: date | None = None
    #: of the record that the fact was taken from (R2)
    place: Place | None = None

    def closed(self, today: date) -> bool:
        """No doctor is active and no link stands at a closed unit (S9)."""
        return self.removed or self.kind != "vardcentral" or (self.end is not None and self.end < today)

    def replaced(self, today: date) -> bool:
        """Whether the id means another unit today (S9)."""
        return self.replaced_by is not None and (self.end is None or self.end < today)


class Absence(NamedTuple):
    """Days a doctor is away from one employment."""

    start: date | None
    end: date | None


class Employment(NamedTuple):
    """One post of a person at a unit; `unit` is the id as KiV wrote it, before any replacement."""

    unit: str
    position_code: str | None
    title: str | None
    start: date | None
    end: date | None
    absences: tuple[Absence, ...] = ()


@dataclass(slots=True)
class Doctor:
    """What KiV last said of a person; `version` is None while nothing was heard (S2, S10)."""

    hsa_id: str
    version: int | None = None
    removed: bool = False
    protected: bool = False
    fact_at: datetime | None = None
    vgr_id: str | None = None
    name: str | None = None
    licensed: bool = False
    employments: tuple[Employment, ...] = ()
    #: the highest of the roster entries that were forgotten (S7): what a new one goes on from
    last_revision: int = 0
    #: of the record that the fact was taken from (R2)
    place: Place | None = None

    def boundaries(self) -> list[date]:
        """The days on which an employment or absence begins or has just ended (T4)."""
        periods = [(post.start, post.end) for post in self.employments]
        periods += [(away.start, away.end) for post in self.employments for away in post.absences]
        days = [start for start, _ in periods if start is not None]
        return days + [end + timedelta(days=1) for _, end in periods if end is not None and end < date.max]


class Pause(NamedTuple):
    """Days on which a doctor takes no new patients (C5)."""

    start: date
    end: date | None


@dataclass(slots=True)
class Profile:
    """What the vårdcentral says of a doctor; None means not set (contract.md, listning.command.v1)."""

    work_percent: int | None = None
    role: str | None = None
    specialisation: str | None = None
    st_a: bool = False
    patient_group: str | None = None
    patient_ceiling: int | None = None
    age_min: int | None = None
    age_max: int | None = None

    def sound(self) -> bool:
        """Whether the age limits can hold for anybody, and no text is too long (C6)."""
        texts = (self.role, self.specialisation, self.patient_group)
        if any(text is not None and len(text) > TEXT_CHARACTERS for text in texts):
            return False
        return self.age_min is None or self.age_max is None or self.age_min <= self.age_max


@dataclass(slots=True)
class RosterEntry:
    """A doctor at a unit. The row exists while the pair is selectable or once it was ever activated (S4), until the
    doctor is protected (S7).

    `published` is what the doctor topic last said without the figures; None: nothing, or that the pair is gone.
    """

    pair: Pair
    activated: bool = False
    active: bool = False
    pause: Pause | None = None
    profile: Profile = field(default_factory=Profile)
    published: Json | None = None
    revision: int = 0

    def boundaries(self) -> list[date]:
        """The days on which the pause begins and on which it is over (T4)."""
        if self.pause is None:
            return []
        start, end = self.pause
        return [start] if end is None or end == date.max else [start, end + timedelta(days=1)]


class Choice(NamedTuple):
    """A unit chosen by a patient, from a day on (L1); `unit` is the id as vårdval wrote it."""

    unit: str
    valid_from: date


class Link(NamedTuple):
    """The fast läkarkontakt of one patient (C13)."""

    unit: str
    doctor: str
    start: date


class Forgotten(StrEnum):
    """Why only key, sequence and revision are kept of a patient (L7, L9); NEVER_LISTED: only a change of id spoke of
    it."""

    PROTECTED = "protected"
    MOVED = "moved"
    NEVER_LISTED = "never_listed"


@dataclass(slots=True)
class Patient:
    """One patient's vårdval and link. `sequence` is None while nothing was heard; `forgotten` tells L7 and L9.

    `announced`: 1177 was announced something about the key since the last null value. `due`: a day that has begun
    may have changed something here that is not worked off yet (T5)."""

    id: int
    key: str
    partition: int
    sequence: int | None = None
    revision: int = 0
    announced: bool = False
    current: Choice | None = None
    upcoming: Choice | None = None
    care_burden: float | None = None
    link: Link | None = None
    due: date | None = None
    forgotten: Forgotten | None = None
    #: of the record that the listing was taken from (R2)
    place: Place | None = None
    #: how the row stood when it was loaded; decides what saving has to do
    is_persisted: bool = True
    original_forgotten: Forgotten | None = None
    original_link: Link | None = None

    def listed(self, today: date) -> Choice | None:
        """The choice that holds today (L2)."""
        if self.upcoming is not None and self.upcoming.valid_from <= today:
            return self.upcoming
        return self.current

    def next_due(self, today: date) -> date | None:
        """The day on which the listing changes by itself (T4)."""
        upcoming = self.upcoming
        return upcoming.valid_from if upcoming is not None and upcoming.valid_from > today else None
