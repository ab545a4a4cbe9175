"""kiv.unit.v1: what KiV says of units. Every decision reads the units, so these batches run alone."""

from __future__ import annotations

from handlers import unit
from handlers.decide import Handlers
from schemas.read import Tombstone
from schemas.unit import UnitRemoved, UnitState

HANDLERS: Handlers = {UnitState: unit, UnitRemoved: unit, Tombstone: unit}
