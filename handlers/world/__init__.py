"""The world that decisions are made on, and the changes that they make."""

from handlers.world.changeset import ChangeSet
from handlers.world.entities import (
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
    Unit,
    includes,
)
from handlers.world.imports import Import, ImportPart, Row
from handlers.world.needs import Needs
from handlers.world.successors import Successors
from handlers.world.world import Policy, World

__all__ = [
    "Absence",
    "ChangeSet",
    "Choice",
    "Doctor",
    "Employment",
    "Forgotten",
    "Import",
    "ImportPart",
    "Link",
    "Needs",
    "Patient",
    "Pause",
    "Policy",
    "Profile",
    "RosterEntry",
    "Row",
    "Successors",
    "Unit",
    "World",
    "includes",
]
