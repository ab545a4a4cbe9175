"""The verbs on a patient's link. Each tells tables, audit trail and 1177 the same thing, once (P1, P2, P3)."""

from __future__ import annotations

from datetime import date

from handlers.eligibility import title
from handlers.world import Link, Patient, World
from handlers.world.changes import Cause, Json, LinkChange, Pair, days_text
from schemas.fields import instant

#: FHIR-like code system of the national contract for "fast läkarkontakt" (contract.md)
TYPE = {"system": "1.2.752.129.5.1.69", "code": "2"}


def link(world: World, patient: Patient, to: Link, reason: str, cause: Cause) -> None:
    """Appoints the doctor: `assigned` where there was none, otherwise `replaced` in one change (C7)."""
    change = "assigned" if patient.link is None else "replaced"
    world.set_link(patient, to, cause.time)
    _tell(world, patient, change, reason, cause)


def redate(world: World, patient: Patient, start: date, reason: str, cause: Cause) -> None:
    """Sets the start of the link right (C7, C11)."""
    held = _held(patient)
    world.set_link(patient, held._replace(start=start), cause.time)
    _tell(world, patient, "redated", reason, cause)


def rename(world: World, patient: Patient, reason: str, cause: Cause) -> None:
    """The name of the doctor or the unit is another now (S8, S9)."""
    _tell(world, patient, "renamed", reason, cause)


def rekey(world: World, patient: Patient, held: Link, reason: str, cause: Cause) -> None:
    """The link stands under another unit id (S9) or patient id (L9), with the same start."""
    world.set_link(patient, held, cause.time)
    _tell(world, patient, "rekeyed", reason, cause)


def end(world: World, patient: Patient, reason: str, last: date, cause: Cause) -> None:
    """Ends the link; its last day is never before its first nor after today (E1). The doctor is an id only (E3)."""
    held = _held(patient)
    world.set_link(patient, None, cause.time)
    last = min(max(last, held.start), world.today)
    doctor = {"hsa_id": held.doctor, "name": None, "title": None}
    _append(world, patient, held, "ended", "ended", reason, doctor, last, cause)


def withdraw(world: World, patient: Patient, reason: str, cause: Cause) -> None:
    """1177 is to forget the key: a null value, where it was told anything since the last one (L7, L9)."""
    held = patient.link
    if held is not None:
        world.set_link(patient, None, cause.time)
    world.changed_patients.add(patient.id)
    if not patient.told:
        return
    patient.told = False
    patient.revision += 1
    unit, doctor = (held.unit, held.doctor) if held else (None, None)
    world.changes.append(
        LinkChange(
            patient.id, patient.key, patient.partition, patient.revision, "withdrawn", reason, unit, doctor, None, cause
        )
    )


def _held(patient: Patient) -> Link:
    held = patient.link
    if held is None:
        raise LookupError("the patient has no link")
    return held


def _tell(world: World, patient: Patient, change: str, reason: str, cause: Cause) -> None:
    held = _held(patient)
    doctor = world.doctors[held.doctor]
    shown = {"hsa_id": held.doctor, "name": doctor.name, "title": title(world, Pair(held.unit, held.doctor))}
    _append(world, patient, held, "active", change, reason, shown, None, cause)


def _append(
    world: World,
    patient: Patient,
    held: Link,
    status: str,
    change: str,
    reason: str,
    doctor: Json,
    last: date | None,
    cause: Cause,
) -> None:
    patient.revision += 1
    patient.told = True
    world.changed_patients.add(patient.id)
    unit = world.unit(held.unit)
    value: Json = {
        "patient_id": f"{patient.id:012d}",
        "revision": patient.revision,
        "status": status,
        "change": change,
        "reason": reason,
        "type": TYPE,
        "doctor": doctor,
        "unit": {"hsa_id": held.unit, "name": unit.name, "care_giver_hsa_id": unit.care_giver},
        "start": days_text(held.start),
        "end": days_text(last),
        "changed_at": instant(cause.time),
    }
    world.changes.append(
        LinkChange(
            patient.id,
            patient.key,
            patient.partition,
            patient.revision,
            change,
            reason,
            held.unit,
            held.doctor,
            value,
            cause,
        )
    )
