"""`distribute-patients`: those who lack a fast läkarkontakt are spread at random over the unit's doctors (C10)."""

from __future__ import annotations

from dataclasses import dataclass, field

from handlers import links
from handlers.commands.checks import doctor_fault, doctor_of, first_fault, fits, free_places, listed_at, unit_of
from handlers.deterministic_random import shuffled, weighted_choice
from handlers.replies import accepted, count, refused
from handlers.world import Link, Needs, World
from handlers.world.changes import Answer, Cause, Pair
from schemas.command import DistributePatients
from schemas.reply import Refusal


@dataclass(slots=True)
class Draw:
    """Where the lot put each patient, and why the others got no doctor."""

    placed: dict[int, Pair] = field(default_factory=dict)
    no_free_place: int = 0
    age_outside_limits: int = 0


def needs(command: DistributePatients, world: World, cause: Cause) -> Needs:
    """The unit's roster with its doctors, how many patients each has, and who lacks a doctor; nothing where the command
    is refused whatever they are, for it may name as many as a record holds."""
    if first_fault(world, command, doctors=command.doctor_hsa_ids) is not None:
        return Needs()
    unit = unit_of(world, command)
    named = {doctor_of(text) for text in command.doctor_hsa_ids}
    doctors = named or {pair.doctor for pair in world.entries_at.get(unit, ())}
    return Needs(
        roster_of={unit},
        doctors=doctors,
        counts={Pair(unit, doctor) for doctor in doctors},
        unlinked_at={unit},
    )


def decide(command: DistributePatients, world: World, cause: Cause) -> Answer:
    """Draws lots before the first patient is linked; a dry run stops there."""
    fault = first_fault(world, command, doctors=command.doctor_hsa_ids)
    doctors: list[Pair] = []
    if fault is None:
        doctors, fault = _doctors(command, world)
    if fault is not None:
        answer = refused(fault)
        answer.dry_run = command.dry_run
        return answer
    lacking = _lacking(command, world)
    most = len(lacking) if command.limit is None else min(command.limit, len(lacking))
    result = _assign_at_random(command.seed, lacking, doctors, world, most)
    answer = _answer(command, most, result)
    if not command.dry_run:
        for number, pair in sorted(result.placed.items()):
            link = Link(pair.unit, pair.doctor, world.today)
            links.link(world, world.patients[number], link, "distributed", cause)
    return answer


def _doctors(command: DistributePatients, world: World) -> tuple[list[Pair], Refusal | None]:
    """Those who take patients today, or those named: then the first fault of any of them answers."""
    unit = unit_of(world, command)
    if command.doctor_hsa_ids:
        pairs = [Pair(unit, doctor) for doctor in dict.fromkeys(map(doctor_of, command.doctor_hsa_ids))]
        return pairs, next((fault for pair in pairs if (fault := doctor_fault(world, pair))), None)
    pairs = sorted(pair for pair in world.entries_at.get(unit, ()) if doctor_fault(world, pair) is None)
    return pairs, None if pairs else "doctor_not_active"


def _lacking(command: DistributePatients, world: World) -> list[int]:
    """Listed here and without a doctor, in an order by lot."""
    unit = unit_of(world, command)
    lacking = sorted(p.id for p in world.patients.values() if p.link is None and listed_at(world, p.id, unit))
    return shuffled(command.seed, "order", lacking)


def _assign_at_random(seed: int, lacking: list[int], doctors: list[Pair], world: World, most: int) -> Draw:
    """Patient by patient, until `most` are placed: among the doctors who fit and have room, the chance follows the free
    places left now, or the work percent where any of the doctors has no ceiling. Nobody stays without while a doctor
    who fits has room.
    """
    free = {pair: free_places(world, pair) for pair in doctors}
    profiles = {pair: world.roster[pair].profile for pair in doctors}
    by_percent = any(places is None for places in free.values())
    result = Draw()
    for number in lacking:
        if len(result.placed) == most:
            break
        fitting = [pair for pair in doctors if fits(profiles[pair], number, world.today)]
        having_room = [pair for pair in fitting if free[pair] != 0]
        if not having_room:
            result.no_free_place += bool(fitting)
            result.age_outside_limits += not fitting
            continue
        weights = [(profiles[pair].work_percent or 100) if by_percent else (free[pair] or 0) for pair in having_room]
        pair = having_room[weighted_choice(seed, "doctor", number, weights)]
        result.placed[number] = pair
        places = free[pair]
        free[pair] = None if places is None else places - 1
    return result


def _answer(command: DistributePatients, total: int, result: Draw) -> Answer:
    placed = len(result.placed)
    counts = count(total, faulty=total - placed, updated=placed)
    if command.limit is None:
        counts["unplaced"] = {
            "no_free_place": result.no_free_place,
            "age_outside_limits": result.age_outside_limits,
        }
    answer = accepted("done" if placed else "unchanged", counts)
    answer.dry_run = command.dry_run
    return answer
