"""The store in memory that handler tests use, held against PostgreSQL's load and save, decision by decision."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.differential import DifferentialRegion
from tests.harness.histories import World as History
from tests.harness.in_memory import SETTINGS, InMemory
from tests.harness.seeds import seeds
from tests.scenarios.schedule import missing, schedule

STEPS = 60


@pytest.fixture
def region(migrated_url: str) -> Iterator[DifferentialRegion]:
    made = DifferentialRegion(migrated_url)
    yield made
    made.close()


def test_both_stores_hold_the_same_through_all_scenarios(region: DifferentialRegion) -> None:
    scenarios, steps = schedule()
    product = InMemory(region)
    for step in steps:
        for record in step.records:
            product.feed(record)
    events = product.observed_in_the_end()
    assert [fault for scenario in scenarios for fault in missing(scenario, events, SETTINGS.secret)] == []


@pytest.mark.parametrize("seed", seeds(7, 8, 9))
def test_both_stores_hold_the_same_through_a_random_history(region: DifferentialRegion, seed: int) -> None:
    product = InMemory(region)
    for step in History(seed).steps(STEPS):
        for record in step.records:
            product.feed(record)
    assert region.patients
