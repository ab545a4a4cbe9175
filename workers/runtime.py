"""What every worker of a process shares: the database, the directory, where events go, who is told of progress."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from infra.events import EventBuilder
from infra.patient_keys import PatientKeys
from infra.postgres.reference_data import Directory
from infra.settings import Settings
from workers.handoff import Handoff
from workers.health import Health


@dataclass(slots=True, frozen=True)
class Runtime:
    """Made once, when the process starts."""

    settings: Settings
    engine: AsyncEngine
    directory: Directory
    keys: PatientKeys
    events: EventBuilder
    shards: Mapping[tuple[str, int], int]
    handoff: Handoff
    health: Health
