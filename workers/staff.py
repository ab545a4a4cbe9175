"""kiv.staff.v1: what KiV says of persons."""

from __future__ import annotations

from handlers import staff
from handlers.decide import Handlers
from schemas.read import Tombstone
from schemas.staff import StaffRemoved, StaffState

HANDLERS: Handlers = {StaffState: staff, StaffRemoved: staff, Tombstone: staff}
