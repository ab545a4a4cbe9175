"""The verbs on a patient's link. Each tells tables, audit trail and 1177 the same thing, once (P1, P2, P3)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Literal

from handlers.eligibility import title
from handlers.world import Link, Patient, World
from handlers.world.changes import Cause, Json, LinkChange, Pair, PatientProtected, days_text
from schemas.fast_lakarkontakt import Change, Reason
from schemas.fields import instant

#: FHIR-like code system of the national contract for "fast läkarkontakt" (contract.md)
TYPE = {"system": "1.2.752.129.5.1.69", "code": "2"}


def link(
    world: World, patient: Patient, to: Link, reason: Reason, cause: Cause, *, override: Collection[str] = ()
) -> None:
    """Appoints the doctor: `assigned` where there was none, otherwise `replaced` in one change (C7). `override`: the
    limits that the command overrides by name; that of the ceiling is noted in the audit trail."""
    change: Change = "assigned" if patient.link is None else "replaced"
    world.set_link(patient, to, cause.time)
    _record(world, patient, change, reason, cause, override="ceiling" in override)


def redate(world: World, patient: Patient, start: date, reason: Reason, cause: Cause) -> None:
    """Sets the start of the link right (C7, C11)."""
    current = _require_link(patient)
    world.set_link(patient, current._replace(start=start), cause.time)
    _record(world, patient, "redated", reason, cause)


def rename(world: World, patient: Patient, reason: Reason, cause: Cause) -> None:
    """The name of the doctor or the unit is another now (S8, S9)."""
    _record(world, patient, "renamed", reason, cause)


def rekey(world: World, patient: Patient, current: Link, reason: Reason, cause: Cause) -> None:
    """The link stands under another unit id (S9) or patient id (L9), with the same start."""
    world.set_link(patient, current, cause.time)
    _record(world, patient, "rekeyed", reason, cause)


def end(world: World, patient: Patient, reason: Reason, last: date, cause: Cause) -> None:
    """Ends the link; its last day is never before its first nor after today (E1). The doctor is an id only (E3)."""
    current = _require_link(patient)
    world.set_link(patient, None, cause.time)
    last = min(max(last, current.start), world.today)
    doctor = {"hsa_id": current.doctor, "name": None, "title": None}
    _record_change(world, patient, current, "ended", "ended", reason, doctor, last, cause)


def withdraw(world: World, patient: Patient, reason: Reason | PatientProtected, cause: Cause) -> None:
    """1177 is to forget the key: a null value, where it was told anything since the last one (L7, L9)."""
    current = patient.link
    if current is not None:
        world.set_link(patient, None, cause.time)
    world.changes.touch_patient(patient)
    if not patient.announced:
        return
    patient.announced = False
    patient.revision += 1
    unit, doctor = (current.unit, current.doctor) if current else (None, None)
    world.changes.record(
        LinkChange(
            patient.id, patient.key, patient.partition, patient.revision, "withdrawn", reason, unit, doctor, None, cause
        )
    )


def _require_link(patient: Patient) -> Link:
    current = patient.link
    if current is None:
        raise LookupError("the patient has no link")
    return current


def _record(
    world: World, patient: Patient, change: Change, reason: Reason, cause: Cause, *, override: bool = False
) -> None:
    current = _require_link(patient)
    doctor = world.doctors[current.doctor]
    shown = {"hsa_id": current.doctor, "name": doctor.name, "title": title(world, Pair(current.unit, current.doctor))}
    _record_change(world, patient, current, "active", change, reason, shown, None, cause, override=override)


def _record_change(
    world: World,
    patient: Patient,
    current: Link,
    status: Literal["active", "ended"],
    change: Change,
    reason: Reason,
    doctor: Json,
    last: date | None,
    cause: Cause,
    *,
    override: bool = False,
) -> None:
    patient.revision += 1
    patient.announced = True
    world.changes.touch_patient(patient)
    unit = world.unit(current.unit)
    value: Json = {
        "patient_id": f"{patient.id:012d}",
        "revision": patient.revision,
        "status": status,
        "change": change,
        "reason": reason,
        "type": TYPE,
        "doctor": doctor,
        "unit": {"hsa_id": current.unit, "name": unit.name, "care_giver_hsa_id": unit.care_giver},
        "start": days_text(current.start),
        "end": days_text(last),
        "changed_at": instant(cause.time),
    }
    world.changes.record(
        LinkChange(
            patient.id,
            patient.key,
            patient.partition,
            patient.revision,
            change,
            reason,
            current.unit,
            current.doctor,
            value,
            cause,
            override,
        )
    )
