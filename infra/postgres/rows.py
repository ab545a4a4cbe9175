"""Between rows of the tables and the entities that decisions are about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

import orjson

from handlers.world import (
    Absence,
    Choice,
    Doctor,
    Employment,
    Forgotten,
    Link,
    Patient,
    Pause,
    Profile,
    RosterEntry,
    Row,
    Unit,
)
from handlers.world.changes import Pair, Place

Record = Sequence[Any]


def doctor(row: Record) -> Doctor:
    """A row of `doctor`, as `load` selects it."""
    hsa_id, version, removed, protected, fact_at, vgr_id, name, licensed, employments, last_revision, *place = row
    posts = tuple(map(_employment, employments))
    return Doctor(
        *(hsa_id, version, removed, protected, fact_at, vgr_id, name, licensed, posts, last_revision, _place(*place))
    )


def unit(row: Record) -> Unit:
    """A row of `unit`, as `reference_data` selects it."""
    *fields, partition, offset = row
    unit = Unit(*fields)
    unit.place = _place(partition, offset)
    return unit


def unknown_doctor(hsa_id: str) -> Doctor:
    """A doctor of whom nothing was heard (S10)."""
    return Doctor(hsa_id)


def employments_json(doctor: Doctor) -> str:
    """The column `employments`."""
    return orjson.dumps(doctor.employments, default=list).decode()


def entry(row: Record) -> RosterEntry:
    """A row of `roster`, as `load` selects it."""
    unit, doctor_id, activated, active, pause_start, pause_end, profile, published, revision = row
    pause = None if pause_start is None else Pause(pause_start, pause_end)
    return RosterEntry(Pair(unit, doctor_id), activated, active, pause, Profile(**profile), published, revision)


def profile_json(entry: RosterEntry) -> str:
    """The column `profile`."""
    return orjson.dumps(asdict(entry.profile)).decode()


def published_json(entry: RosterEntry) -> str | None:
    """The column `published`."""
    return None if entry.published is None else orjson.dumps(entry.published).decode()


def patient(row: Record, link_row: Record | None) -> Patient:
    """A row of `patient`, as `load` selects it, with the patient's row of `link`."""
    id, key, partition, sequence, revision, announced, unit, since, next_unit, next_since, burden, due, *place = row
    link = None if link_row is None else Link(link_row[1], link_row[2], link_row[3])
    return Patient(
        id,
        key,
        partition,
        sequence,
        revision,
        announced,
        None if unit is None else Choice(unit, since),
        None if next_unit is None else Choice(next_unit, next_since),
        burden,
        link,
        due,
        place=_place(*place),
        original_link=link,
    )


def unknown_patient(id: int, key: str, partition: int, forgotten: Record | None) -> Patient:
    """A patient without a row of their own; `forgotten` tells sequence, revision and why."""
    if forgotten is None:
        return Patient(id, key, partition, is_persisted=False)
    why = Forgotten(forgotten[3])
    return Patient(
        id, key, partition, forgotten[1], forgotten[2], is_persisted=False, forgotten=why, original_forgotten=why
    )


def place_columns(facts: Iterable[Patient | Doctor]) -> tuple[list[int | None], list[int | None]]:
    """The columns `fact_partition` and `fact_offset`."""
    places = [fact.place for fact in facts]
    return [place and place.partition for place in places], [place and place.offset for place in places]


def pack_rows(rows: list[Row]) -> bytes:
    """The column `rows` of an import's part."""
    return orjson.dumps([list(row) for row in rows])


def unpack_rows(packed: bytes) -> list[Row]:
    """What `pack_rows` was given."""
    return [Row(*fields) for fields in orjson.loads(packed)]


def _employment(fields: list[Any]) -> Employment:
    unit, code, title, start, end, absences = fields
    return Employment(unit, code, title, _day(start), _day(end), tuple(Absence(_day(a), _day(b)) for a, b in absences))


def _place(partition: int | None, offset: int | None) -> Place | None:
    return None if partition is None or offset is None else Place(partition, offset)


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
