"""An import of links that comes in parts (C11, contract.md)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from handlers.changes import Cause, Json


@dataclass(slots=True)
class ImportPart:
    """One part that has arrived: its rows as the wire has them, and the command that brought it."""

    part: int
    parts: int
    order: int
    rows: list[Json]
    cause: Cause


@dataclass(slots=True)
class Import:
    """An import of one unit. `first_day` is the day its first part came; `reply` stands once it was answered."""

    unit: str
    import_id: str
    first_day: date | None = None
    parts: dict[int, ImportPart] = field(default_factory=dict)
    reply: Json | None = None
    stored: bool = False
