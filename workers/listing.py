"""vardval.listing.v1: where patients are listed, and under which id."""

from __future__ import annotations

from handlers import listing, patient_id
from handlers.decide import Handlers
from schemas.listing import ListingState, PatientIdChanged
from schemas.read import Tombstone

HANDLERS: Handlers = {ListingState: listing, PatientIdChanged: patient_id, Tombstone: listing}
