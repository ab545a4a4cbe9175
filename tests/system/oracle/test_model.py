"""The model against the scenarios written by hand, before it is held against anything else."""

from collections.abc import Sequence
from functools import cache

import pytest

from tests.system.oracle.cases.stage import CASES, Stage
from tests.system.oracle.model import Model
from tests.system.oracle.outputs import Heard, from_model
from tests.system.oracle.programme import Step, missing, programme
from tests.system.oracle.records import Record


@cache
def performance() -> tuple[Sequence[Stage], Heard, dict[int, str | None]]:
    """The whole programme, fed to one model."""
    stages, steps = programme()
    model = Model()
    outcomes = {id(record): model.feed(record) for record in records(steps)}
    return stages, from_model(model), outcomes


def records(steps: Sequence[Step]) -> list[Record]:
    """All records in order."""
    return [record for step in steps for record in step.records]


@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{one.rule} {one.title}" for one in CASES])
def test_model_plays_as_written_by_hand(number: int) -> None:
    stages, heard, outcomes = performance()
    stage = stages[number]
    faults = list(missing(stage, heard, Model().settings.secret))
    for cue in stage.cues:
        if cue.outcome not in (None, outcomes[id(cue.record)]):
            faults.append(f"slot {cue.offset}.{cue.slot}: {outcomes[id(cue.record)]}, not {cue.outcome}")
    assert faults == []
