"""Which topic goes to which worker and to which handlers: the table of contents. Nothing else registers anything."""

from __future__ import annotations

from collections.abc import Mapping

from handlers import day, listing, patient_id, staff, unit
from handlers.command import answering
from handlers.commands import activate, deactivate, distribute, import_links, link, move, pause, profile, resume, unlink
from schemas.clock import DayBegan
from schemas.command import (
    ActivateDoctor,
    DeactivateDoctor,
    DistributePatients,
    ImportLinks,
    LinkPatient,
    MovePatients,
    PauseDoctor,
    ResumeDoctor,
    UnlinkPatient,
    UpdateDoctorProfile,
)
from schemas.listing import ListingState, PatientIdChanged
from schemas.read import Tombstone
from schemas.staff import StaffRemoved, StaffState
from schemas.topics import KIV_STAFF, KIV_UNIT, LISTNING_CLOCK, LISTNING_COMMAND, VARDVAL_LISTING
from schemas.unit import UnitRemoved, UnitState
from workers.pipeline import commands, facts
from workers.pipeline import day as days
from workers.pipeline.route import Route

#: the name of the relay among the workers that `--only` takes
RELAY = "relay"

ROUTES: Mapping[str, Route] = {
    "staff": Route(
        KIV_STAFF,
        {StaffState: staff, StaffRemoved: staff, Tombstone: staff},
        facts.commit,
        in_flight=3,
    ),
    "unit": Route(
        KIV_UNIT,
        {UnitState: unit, UnitRemoved: unit, Tombstone: unit},
        facts.commit,
        exclusive=True,
    ),
    "listing": Route(
        VARDVAL_LISTING,
        {ListingState: listing, Tombstone: listing, PatientIdChanged: patient_id},
        facts.commit,
        known_upfront=frozenset({ListingState, Tombstone}),
        in_flight=3,
    ),
    "command": Route(
        LISTNING_COMMAND,
        {
            ActivateDoctor: answering(activate),
            DeactivateDoctor: answering(deactivate),
            PauseDoctor: answering(pause),
            ResumeDoctor: answering(resume),
            UpdateDoctorProfile: answering(profile),
            LinkPatient: answering(link),
            UnlinkPatient: answering(unlink),
            MovePatients: answering(move),
            DistributePatients: answering(distribute),
            ImportLinks: answering(import_links),
        },
        commands.commit,
        in_flight=3,
        queued=True,
    ),
    "clock": Route(
        LISTNING_CLOCK,
        {DayBegan: day},
        days.commit,
        batch_records=1,
    ),
}

#: every worker there is
WORKERS = (*ROUTES, RELAY)
