"""An import of links that comes in parts (C11, contract.md)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import sha256
from typing import NamedTuple

from handlers.world.changes import Cause
from schemas.ids import holds_patient_id

#: an import still incomplete on the second day after its first part is refused (contract.md)
IMPORT_DAYS = timedelta(days=2)


def kept_id(import_id: str) -> str:
    """What an import is known by: its id, or the hash of one that holds a personnummer (D1)."""
    return sha256(import_id.encode()).hexdigest() if holds_patient_id(import_id) else import_id


#: unit and the import's id as it is kept
ImportKey = tuple[str, str]


class Row(NamedTuple):
    """One row of the file; every text is judged, none is trusted.

    `patient` is the personnummer, while the row waits the patient's key (L7), and None for a text that is no
    personnummer.
    """

    row: int
    patient: int | str | None
    unit: str
    doctor: str
    start: str | None


@dataclass(slots=True)
class ImportPart:
    """One part that has arrived, with the command that brought it first and the unit as that wrote it.

    `rows` is None where they were not asked for.
    """

    part: int
    parts: int
    order: int
    unit: str
    cause: Cause
    rows: list[Row] | None = None


@dataclass(slots=True)
class Import:
    """An import of one unit. `first_day` is the day its first part came.

    `answered_by` is the source and id of the command whose reply is the import's; None while it waits.
    """

    unit: str
    import_id: str
    first_day: date
    parts: dict[int, ImportPart] = field(default_factory=dict)
    answered_by: tuple[str, str] | None = None

    def complete_with(self, part: int, parts: int) -> bool:
        """Whether this part is the last one missing, of as many as it says there are."""
        return all(n == part or n in self.parts for n in range(1, parts + 1))
