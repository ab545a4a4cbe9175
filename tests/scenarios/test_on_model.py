"""Every scenario against the model, before the model is held against anything else."""

from __future__ import annotations

from functools import cache

import pytest

from tests.harness.observed import Observed, from_model
from tests.model.model import Model
from tests.scenarios.scenario import CASES, Scenario
from tests.scenarios.schedule import missing, schedule


@cache
def modelled() -> tuple[list[Scenario], Observed, dict[int, str | None]]:
    """The scenarios, what one model says that is heard when all are fed to it, and the outcome of each record."""
    scenarios, steps = schedule()
    model = Model()
    outcomes = {id(record): model.feed(record) for step in steps for record in step.records}
    return scenarios, from_model(model), outcomes


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.name for case in CASES])
def test_the_model_says(number: int) -> None:
    scenarios, observed, outcomes = modelled()
    scenario = scenarios[number]
    faults = list(missing(scenario, observed, Model().settings.secret))
    for sent in scenario.sent:
        if sent.outcome not in (None, outcomes[id(sent.record)]):
            faults.append(f"slot {sent.offset}.{sent.slot}: {outcomes[id(sent.record)]}, not {sent.outcome}")
    assert faults == []
