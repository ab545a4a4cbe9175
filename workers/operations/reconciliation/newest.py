"""Which record of a partition is the one that stands for each person, unit or patient (S2, S11, L1, R2)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple

from schemas.ids import PatientKind, patient_kind
from schemas.listing import ListingState, PatientIdChanged
from schemas.read import Tombstone
from schemas.staff import StaffRemoved, StaffState
from schemas.unit import UnitRemoved, UnitState
from workers.pipeline.inbound import InboundRecord

#: whom a record is about: an HSA-id, or a personnummer as a number, which is never shown
Entity = str | int

#: offsets are below 2^44: a million records a second for half a year
_OFFSET_BITS = 44
_OFFSETS = (1 << _OFFSET_BITS) - 1


class Fact(NamedTuple):
    """What a record says of an entity; `version` None: a null value, which has none. `ends`: a removal or a change of
    id, which at one version wins over a state, whichever stands later (S2, L9)."""

    entity: Entity
    version: int | None
    ends: bool


def fact(event: Any) -> Fact | None:
    """What the event says; None where nothing is held for it: a null value of the listing topic, an id that is no
    personnummer."""
    match event:
        case StaffState() | UnitState():
            return Fact(event.hsa_id, event.version, ends=False)
        case StaffRemoved() | UnitRemoved():
            return Fact(event.hsa_id, event.version, ends=True)
        case Tombstone(hsa_id=str() as hsa_id):
            return Fact(hsa_id, None, ends=True)
        case ListingState() if _counts(event.patient_id):
            return Fact(int(event.patient_id), event.sequence, ends=False)
        case PatientIdChanged() if _counts(event.patient_id, event.new_patient_id):
            if event.patient_id != event.new_patient_id:
                return Fact(int(event.patient_id), event.sequence, ends=True)
    return None


def _counts(*ids: str) -> bool:
    return all(patient_kind(id) is PatientKind.PERSONNUMMER for id in ids)


class Newest:
    """Of one partition. A record is held as one number (version, whether it ends, offset), which is the larger the more
    it counts: 135 bytes a patient, so that a topic of millions fits."""

    def __init__(self) -> None:
        self._of: dict[Entity, int] = {}
        #: new ids of patients, who are held because of a change of id although nothing else may speak of them (L9)
        self._new_ids: set[int] = set()
        #: of those whom a null value can remove, when the newest state was said (S11)
        self._said_at: dict[str, datetime] = {}

    def __len__(self) -> int:
        return len(self._of)

    @property
    def entities(self) -> Iterable[Entity]:
        """All that the partition speaks of; some may come twice."""
        return chain(self._of, self._new_ids)

    def hear(self, inbound: InboundRecord) -> None:
        """The next record of the partition."""
        about = None if inbound.dead_letter_reason is not None else fact(inbound.event)
        if about is None:
            return
        entity, version, ends = about
        if isinstance(inbound.event, PatientIdChanged):
            self._new_ids.add(int(inbound.event.new_patient_id))
        known = self._of.get(entity, 0)
        if version is None:
            said_at = self._said_at.get(str(entity))
            if said_at is not None and said_at > inbound.cause.time:
                return
            rank = known >> _OFFSET_BITS | 1
        else:
            rank = (version + 1) << 1 | ends
        mark = rank << _OFFSET_BITS | inbound.record.offset
        if mark > known:
            self._of[entity] = mark
            if isinstance(entity, str):
                self._said_at[entity] = inbound.cause.time

    def stands(self, inbound: InboundRecord) -> bool:
        """Whether the record is the one that stands for its entity."""
        about = None if inbound.dead_letter_reason is not None else fact(inbound.event)
        mark = None if about is None else self._of.get(about.entity)
        return mark is not None and mark & _OFFSETS == inbound.record.offset
