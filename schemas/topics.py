"""The topics of the contract: direction, key, cleanup and the messages on each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel

from schemas.clock import DayBegan
from schemas.command import COMMANDS
from schemas.doctor import DoctorAvailability
from schemas.fast_lakarkontakt import FastLakarkontakt, FastLakarkontaktWithdrawn
from schemas.listing import ListingState, PatientIdChanged
from schemas.reply import Reply
from schemas.staff import StaffRemoved, StaffState
from schemas.unit import UnitRemoved, UnitState

KIV_STAFF = "kiv.staff.v1"
KIV_UNIT = "kiv.unit.v1"
VARDVAL_LISTING = "vardval.listing.v1"
LISTNING_COMMAND = "listning.command.v1"
LISTNING_CLOCK = "listning.clock.v1"
LISTNING_REPLY = "listning.reply.v1"
LISTNING_DOCTOR = "listning.doctor.v1"
FAST_LAKARKONTAKT = "1177.fast-lakarkontakt.v1"


@dataclass(frozen=True)
class Topic:
    """One topic; `name` is without prefix, `messages` maps `ce_type` to the model of its data, `null_value` says what a
    null value means where one is allowed beside them."""

    name: str
    direction: Literal["in", "out"]
    key: str
    cleanup: Literal["compact", "delete"]
    what: str
    retention_days: int | None = None
    one_partition: bool = False
    null_value: str | None = None
    messages: Mapping[str, type[BaseModel]] = field(default_factory=dict)


def dlq(name: str) -> str:
    """The dead-letter topic of an input topic."""
    return f"{name}.dlq"


_INPUTS = (
    Topic(
        KIV_STAFF,
        "in",
        "staff hsa_id",
        "compact",
        "whole state of one person in KiV",
        null_value="The person is removed as of the record's timestamp; the key says who (S11).",
        messages={
            "se.vgregion.kiv.staff.v1": StaffState,
            "se.vgregion.kiv.staff-removed.v1": StaffRemoved,
        },
    ),
    Topic(
        KIV_UNIT,
        "in",
        "unit hsa_id",
        "compact",
        "whole state of one unit in KiV",
        null_value="The unit is removed as of the record's timestamp; the key says which (S11).",
        messages={
            "se.vgregion.kiv.unit.v1": UnitState,
            "se.vgregion.kiv.unit-removed.v1": UnitRemoved,
        },
    ),
    Topic(
        VARDVAL_LISTING,
        "in",
        "any stable key per patient",
        "compact",
        "whole vårdval of one patient",
        null_value="Ignored: the end of a listing is said in words.",
        messages={
            "se.vgregion.vardval.listing.v1": ListingState,
            "se.vgregion.vardval.patient-id-changed.v1": PatientIdChanged,
        },
    ),
    Topic(
        LISTNING_COMMAND,
        "in",
        "unit hsa_id",
        "delete",
        "what a vårdcentral's staff asks for",
        retention_days=30,
        messages={f"se.vgregion.listning.{command.name}.v1": command for command in COMMANDS},
    ),
    Topic(
        LISTNING_CLOCK,
        "in",
        "`day`",
        "delete",
        "the turn of a day",
        retention_days=30,
        one_partition=True,
        messages={"se.vgregion.listning.day-began.v1": DayBegan},
    ),
)
_OUTPUTS = (
    Topic(
        LISTNING_REPLY,
        "out",
        "unit hsa_id",
        "delete",
        "the one answer to each command",
        retention_days=30,
        messages={"se.vgregion.listning.reply.v1": Reply},
    ),
    Topic(
        LISTNING_DOCTOR,
        "out",
        "unit/doctor",
        "compact",
        "a doctor's availability at a unit, with figures",
        null_value="The pair is gone: forget this key.",
        messages={"se.vgregion.listning.doctor.v1": DoctorAvailability},
    ),
    Topic(
        FAST_LAKARKONTAKT,
        "out",
        "patient key (rules D2)",
        "compact",
        "one patient's fast läkarkontakt",
        messages={
            "se.vgregion.1177.fast-lakarkontakt.v1": FastLakarkontakt,
            "se.vgregion.1177.fast-lakarkontakt-withdrawn.v1": FastLakarkontaktWithdrawn,
        },
    ),
)
_DEAD_LETTERS = tuple(
    Topic(
        dlq(topic.name),
        "out",
        f"as {topic.name}",
        "delete",
        f"what could not be understood or handled of {topic.name}",
        retention_days=14,
    )
    for topic in _INPUTS
)

TOPICS: tuple[Topic, ...] = _INPUTS + _OUTPUTS + _DEAD_LETTERS
