"""Which unit an id means, held against walking from each id anew (S9)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from handlers.world import Successors, Unit
from tests.harness.builders import TODAY
from tests.schemas.builders import calm

NAMES = "ABCDEFGH"


def walked(units: Mapping[str, Unit], unit: str, day: date) -> str:
    """Step by step, until a unit is not replaced or comes again."""
    seen: set[str] = set()
    while unit not in seen and (fact := units.get(unit)) is not None and fact.replaced(day):
        seen.add(unit)
        unit = fact.replaced_by or unit
    return unit


facts = st.tuples(st.sampled_from(NAMES), st.sampled_from([None, TODAY - timedelta(days=1), TODAY]))


@calm
@given(st.dictionaries(st.sampled_from(NAMES), facts), st.permutations(NAMES))
def test_s9_every_id_means_what_a_walk_from_it_finds_in_whatever_order_they_are_asked(
    replaced: dict[str, tuple[str, date | None]], order: list[str]
) -> None:
    units = {name: Unit(name, 1, replaced_by=to, end=end) for name, (to, end) in replaced.items()}
    successors = Successors(units, TODAY)

    assert [successors.of(name) for name in order] == [walked(units, name, TODAY) for name in order]


def test_s9_a_chain_and_a_cycle_of_any_length_are_followed() -> None:
    chain = {str(number): Unit(str(number), 1, replaced_by=str(number + 1)) for number in range(50_000)}
    successors = Successors(chain, TODAY)
    assert {successors.of(name) for name in chain} == {"50000"}

    chain["49999"] = Unit("49999", 2, replaced_by="25000")
    successors = Successors(chain, TODAY)
    assert [successors.of(name) for name in ("0", "24999", "25000", "49999")] == ["25000", "25000", "25000", "49999"]
