"""What one fact costs grows with the fact, not with its square, nor with all the units there are (S3, S9)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from time import process_time
from typing import Any

from handlers import roster, staff, unit
from handlers.decide import decide_batch
from handlers.world import Doctor, Employment, RosterEntry, Unit, World
from handlers.world.changes import Cause, Pair
from schemas.staff import StaffState
from tests.harness import builders as a
from tests.harness.builders import DOCTOR, NOON, TODAY

CAUSE = Cause("a-source", "a-message", NOON)
#: four times as much may take so many times as long; squared it would be sixteen
MOST = 9
_LEAST_SECONDS = 0.002


def hsa_id(number: int) -> str:
    """The unit of this number."""
    return f"SE2321000131-E{number:012d}"


def world_of(units: Iterable[Unit] = ()) -> World:
    """Everything there is, loaded."""
    return World(TODAY, CAUSE, units={one.hsa_id: one for one in units})


def seconds(prepare: Callable[[], Any], work: Callable[[Any], object]) -> float:
    """CPU of the work, the quickest of three times; what it works on is made anew for each."""
    quickest = float("inf")
    for _ in range(3):
        prepared = prepare()
        began = process_time()
        work(prepared)
        quickest = min(quickest, process_time() - began)
    return quickest


def grows_at_most_linearly(small: float, four_times: float) -> bool:
    """Whether four times as much takes about four times as long."""
    return four_times <= MOST * max(small, _LEAST_SECONDS)


def person(employments: int, units: int) -> StaffState:
    """More employments than a message may have, at so many units."""
    posts = tuple(a.post(hsa_id(number % units)) for number in range(employments))
    return a.staff().model_copy(update={"employments": posts})


def decided(event: StaffState) -> Callable[[World], None]:
    """The decision on one person."""

    def decide(world: World) -> None:
        for needs in decide_batch([(event, CAUSE)], {StaffState: staff}, world):
            for doctor in needs.doctors - world.doctors.keys():
                world.add_doctor(Doctor(doctor))

    return decide


def test_s3_many_employments_cost_no_more_than_their_number() -> None:
    for spread in (1, 2_000):
        few, many = decided(person(500, spread)), decided(person(2_000, spread))

        assert grows_at_most_linearly(seconds(world_of, few), seconds(world_of, many))


def test_s9_a_unit_costs_the_same_however_many_others_there_are() -> None:
    def of(number: int) -> float:
        others = [Unit(hsa_id(i), 1, name="Mottagning", kind="other") for i in range(number)]
        events = [a.unit(hsa_id(i), "Nytt namn", version=2) for i in range(500)]
        return seconds(lambda: world_of(others), lambda world: _decide_units(events, world))

    assert of(32_000) <= MOST * max(of(1_000), _LEAST_SECONDS)


def test_s9_many_closed_units_with_doctors_cost_no_more_than_their_number() -> None:
    def of(number: int) -> float:
        def prepare() -> World:
            world = world_of()
            for i in range(number):
                world.add_doctor(Doctor(f"{DOCTOR}{i}", 1))
                world.add_entry(RosterEntry(Pair(hsa_id(i), f"{DOCTOR}{i}")))
            return world

        events = [a.unit(hsa_id(i), version=2, end=TODAY - timedelta(days=1)) for i in range(number)]
        return seconds(prepare, lambda world: _decide_units(events, world))

    assert grows_at_most_linearly(of(500), of(2_000))


def test_s9_what_a_replacement_touches_is_what_leads_to_the_unit() -> None:
    first, second, third, apart = (Unit(hsa_id(i), 1) for i in range(4))
    first.replaced_by = second.hsa_id
    world = world_of([first, second, third, apart])
    assert world.leading_to(third.hsa_id) == {third.hsa_id}

    world.put_unit(Unit(second.hsa_id, 2, replaced_by=third.hsa_id))
    assert world.leading_to(third.hsa_id) == {third.hsa_id, second.hsa_id, first.hsa_id}

    world.put_unit(Unit(second.hsa_id, 3, replaced_by=apart.hsa_id))
    assert world.leading_to(third.hsa_id) == {third.hsa_id}
    assert world.leading_to(apart.hsa_id) == {apart.hsa_id, second.hsa_id, first.hsa_id}

    world.put_unit(Unit(second.hsa_id, 4))
    assert world.leading_to(apart.hsa_id) == {apart.hsa_id}


def test_s9_a_unit_at_the_end_of_a_long_chain_costs_no_more_than_the_chain() -> None:
    def of(length: int) -> float:
        def chain() -> World:
            return world_of(Unit(hsa_id(i), 1, replaced_by=hsa_id(i + 1)) for i in range(length))

        last = a.unit().model_copy(update={"hsa_id": hsa_id(length), "replaced_by": hsa_id(length + 1)})
        return seconds(chain, lambda world: unit.needs(last, world, CAUSE))

    assert grows_at_most_linearly(of(1_000), of(4_000))


def test_s9_a_circle_of_replacements_leads_round_once() -> None:
    one, other = Unit(hsa_id(1), 1, replaced_by=hsa_id(2)), Unit(hsa_id(2), 1, replaced_by=hsa_id(1))

    assert world_of([one, other]).leading_to(one.hsa_id) == {one.hsa_id, other.hsa_id}


def test_s3_a_unit_that_is_replaced_takes_the_employments_along() -> None:
    world = world_of()
    world.add_doctor(Doctor(DOCTOR, 1, licensed=True, employments=_posts(hsa_id(1), hsa_id(2))))
    assert roster.pairs_of(world, DOCTOR) == [Pair(hsa_id(1), DOCTOR), Pair(hsa_id(2), DOCTOR)]

    world.put_unit(Unit(hsa_id(1), 1, replaced_by=hsa_id(2)))
    world.clear_successor_cache()
    assert roster.pairs_of(world, DOCTOR) == [Pair(hsa_id(2), DOCTOR)]

    world.add_doctor(Doctor(DOCTOR, 2, licensed=True, employments=_posts(hsa_id(3))))
    assert roster.pairs_of(world, DOCTOR) == [Pair(hsa_id(3), DOCTOR)]


def _posts(*units: str) -> Any:
    return tuple(Employment(one, "202010", None, None, None) for one in units)


def _decide_units(events: list[Any], world: World) -> None:
    for event in events:
        unit.needs(event, world, CAUSE)
        unit.decide(event, world, CAUSE)
