"""What every worker of a process shares: the database, the directory, where events go, who is told of progress."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from infra.events import Publisher
from infra.patient_keys import PatientKeys
from infra.postgres.outbox import Handoff
from infra.postgres.reference_data import Directory
from infra.settings import Settings
from workers.health import Health


@dataclass(slots=True, frozen=True)
class Parts:
    """Made once, when the process starts."""

    settings: Settings
    engine: AsyncEngine
    directory: Directory
    keys: PatientKeys
    publisher: Publisher
    handoff: Handoff
    health: Health
