"""`move-patients`: all or some of one doctor's patients go to another at the same unit, all or nothing (C9)."""

from __future__ import annotations

from collections.abc import Iterator

from handlers import links
from handlers.commands.checks import (
    age_fault,
    doctor_fault,
    doctor_of,
    first_fault,
    free_places,
    is_personnummer,
    unit_of,
)
from handlers.replies import accepted, count, refused, rows_refused
from handlers.world import Link, Needs, World
from handlers.world.changes import Answer, Cause, Pair
from schemas.command import MovePatients
from schemas.reply import Refusal


def needs(command: MovePatients, world: World, cause: Cause) -> Needs:
    """Both doctors with their rosters, the patients of the first, and how many the second has."""
    source, target = _pairs(command, world)
    return Needs(doctors={source.doctor, target.doctor}, links_of_doctor={source.doctor}, counts={target})


def decide(command: MovePatients, world: World, cause: Cause) -> Answer:
    """Judges every patient before the first is moved; a dry run stops there."""
    answer, numbers = _judge(command, world)
    answer.dry_run = command.dry_run
    if not command.dry_run:
        target = _pairs(command, world)[1]
        for number in numbers:
            link = Link(target.unit, target.doctor, world.today)
            links.link(world, world.patients[number], link, "moved", cause, override=command.override)
    return answer


def _judge(command: MovePatients, world: World) -> tuple[Answer, list[int]]:
    """The answer, and the patients to move when it is `done`."""
    fault = first_fault(world, command, doctors=[command.from_doctor_hsa_id, command.to_doctor_hsa_id])
    if fault is not None:
        return refused(fault), []
    source, target = _pairs(command, world)
    if source == target:
        return accepted("unchanged", count(0, updated=0)), []
    fault = doctor_fault(world, target)
    if fault is not None:
        return refused(fault), []
    texts = command.patient_ids
    if texts is None:
        texts = tuple(f"{patient.id:012d}" for patient in world.patients_of(source))
    faults = list(_faults(command, world, texts))
    if faults:
        return rows_refused(len(texts), faults), []
    if not texts:
        return accepted("unchanged", count(0, updated=0)), []
    room = free_places(world, target)
    if room is not None and len(texts) > room and "ceiling" not in command.override:
        return refused("ceiling_reached"), []
    return accepted("done", count(len(texts), updated=len(texts))), [int(text) for text in texts]


def _faults(command: MovePatients, world: World, texts: tuple[str, ...]) -> Iterator[tuple[int, Refusal]]:
    """The first fault of each patient, with their row counting from 1 in the order given."""
    source, target = _pairs(command, world)
    moving = {patient.id for patient in world.patients_of(source)}
    seen: set[str] = set()
    for row, text in enumerate(texts, start=1):
        if not is_personnummer(text):
            yield row, "invalid_patient_id"
        elif text in seen:
            yield row, "duplicate_row"
        elif int(text) not in moving:
            yield row, "no_such_link"
        elif "age" not in command.override and age_fault(world, target, int(text)) is not None:
            yield row, "age_outside_limits"
        seen.add(text)


def _pairs(command: MovePatients, world: World) -> tuple[Pair, Pair]:
    unit = unit_of(world, command)
    return Pair(unit, doctor_of(command.from_doctor_hsa_id)), Pair(unit, doctor_of(command.to_doctor_hsa_id))
