"""The one answer to each command (C2). No personnummer in it: rows are named by number (D1)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.fields import Count, Flag, Int64, Wire

Done = Literal["done", "unchanged"]
Refusal = Literal[
    "not_authorised",
    "unit_closed",
    "doctor_not_selectable",
    "doctor_not_active",
    "doctor_paused",
    "doctor_absent",
    "doctor_has_patients",
    "patient_not_listed",
    "invalid_patient_id",
    "invalid_hsa_id",
    "invalid_date",
    "invalid_profile",
    "date_in_future",
    "duplicate_row",
    "unit_mismatch",
    "ceiling_reached",
    "age_outside_limits",
    "import_incomplete",
    "rows_faulty",
    "no_such_link",
]


def _left_out(value: object) -> bool:
    return value is None or value is False


class Unplaced(Wire):
    """Patients who could not be placed, by why (C10)."""

    no_free_place: Count
    age_outside_limits: Count


class Counts(Wire):
    """Totalt, Godkända, Felaktiga, Uppdaterade; `unplaced` when patients were distributed without a limit."""

    total: Count
    approved: Count
    faulty: Count
    updated: Count
    unplaced: Annotated[Unplaced | None, Field(exclude_if=_left_out)] = None


class FaultyRow(Wire):
    """A row that could not be taken: its number in the sender's file, and why."""

    row: Int64
    code: Annotated[Refusal, Field(title="Refusal")]
    message: str


class Reply(Wire):
    """The answer to one command; `message` is a Swedish sentence."""

    command_id: str
    command_type: str
    unit_hsa_id: str
    outcome: Annotated[Literal["accepted", "refused"], Field(title="ReplyOutcome")]
    code: Annotated[
        Annotated[Done, Field(title="Done")] | Annotated[Refusal, Field(title="Refusal")],
        Field(title="ReplyCode", description="Each is explained in docs/contract.md"),
    ]
    message: str
    dry_run: Annotated[Flag, Field(exclude_if=_left_out)] = False
    counts: Counts | None = None
    faulty_rows: tuple[FaultyRow, ...] | None = None
