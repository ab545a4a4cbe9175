"""`link-patient`: the vårdcentral appoints the patient's fast läkarkontakt (C7, C12, C13)."""

from __future__ import annotations

from handlers import links
from handlers.commands.checks import (
    age_fault,
    day_of,
    doctor_fault,
    first_fault,
    free_places,
    is_personnummer,
    listed_at,
    pair_of,
)
from handlers.replies import accepted, refused
from handlers.world import Link, Needs, World
from handlers.world.changes import Answer, Cause, Pair
from schemas.command import LinkPatient
from schemas.reply import Refusal


def needs(command: LinkPatient, world: World, cause: Cause) -> Needs:
    """The patient, the doctor with their roster, and how many patients the doctor has."""
    pair = pair_of(world, command)
    patients = {int(command.patient_id)} if is_personnummer(command.patient_id) else set()
    return Needs(doctors={pair.doctor}, patients=patients, counts={pair})


def decide(command: LinkPatient, world: World, cause: Cause) -> Answer:
    """Links the patient, sets the start right, or says what stands in the way."""
    start = command.start
    fault = first_fault(world, command, doctors=[command.doctor_hsa_id], patient=command.patient_id, start=start)
    if fault is not None:
        return refused(fault)
    pair = pair_of(world, command)
    number = int(command.patient_id)
    if not listed_at(world, number, pair.unit):
        return refused("patient_not_listed")
    patient = world.patients[number]
    day = world.today if start is None else day_of(start) or world.today
    if patient.link is not None and patient.link.doctor == pair.doctor:
        if start is None or patient.link.start == day:
            return accepted("unchanged")
        links.redate(world, patient, day, "linked_by_unit", cause)
        return accepted()
    fault = _doctor_fault(command, world, pair, number)
    if fault is not None:
        return refused(fault)
    links.link(world, patient, Link(pair.unit, pair.doctor, day), "linked_by_unit", cause, override=command.override)
    return accepted()


def _doctor_fault(command: LinkPatient, world: World, pair: Pair, number: int) -> Refusal | None:
    """Active, not paused, not absent; then age and ceiling, unless overridden by name."""
    fault = doctor_fault(world, pair)
    if fault is None and "age" not in command.override:
        fault = age_fault(world, pair, number)
    if fault is None and "ceiling" not in command.override and free_places(world, pair) == 0:
        fault = "ceiling_reached"
    return fault
