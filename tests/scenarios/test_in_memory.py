"""Every scenario through the handlers in memory, in the time that the service needs to start."""

from __future__ import annotations

from functools import cache

import pytest

from tests.harness.in_memory import SETTINGS, InMemory
from tests.harness.observed import Observed
from tests.scenarios.scenario import CASES, Scenario
from tests.scenarios.schedule import missing, schedule


@cache
def decided() -> tuple[list[Scenario], Observed]:
    """The scenarios, and what is heard when all are decided in memory."""
    scenarios, steps = schedule()
    product = InMemory()
    for step in steps:
        for record in step.records:
            product.feed(record)
    return scenarios, product.observed_in_the_end()


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.name for case in CASES])
def test_the_handlers_decide(number: int) -> None:
    scenarios, observed = decided()
    assert list(missing(scenarios[number], observed, SETTINGS.secret)) == []
