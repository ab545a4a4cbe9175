"""Long random histories in a small world where everything collides, held against the model field by field."""

from __future__ import annotations

import random

import pytest

from tests.harness.histories import PATIENTS, World
from tests.harness.seeds import seeds
from tests.harness.session import Session
from tests.system.conftest import Opener

pytestmark = pytest.mark.system

STEPS = 150  # looked at every 50, so that the first faults are told and not all that follows from them


def faults(play: Session, seed: int) -> list[str]:
    """What differs from the model and where a personnummer leaked; the seed in front, so that it can be run again."""
    found = [*play.differences(), *(f"leaked: {leak}" for leak in play.leaks(PATIENTS))]
    return [f"FASTLAKARE_TEST_SEEDS={seed}-{seed + 1}: {fault}" for fault in found[:20]]


@pytest.mark.parametrize(("processes", "seed"), [(1, one) for one in seeds(11)] + [(3, one) for one in seeds(12)])
def test_a_long_history_comes_out_as_the_model_says(opened: Opener, processes: int, seed: int) -> None:
    play = opened(processes)
    for number, step in enumerate(World(seed).steps(STEPS), start=1):
        play.step(step)
        if number % 50 == 0:
            found = faults(play, seed)
            assert not found, f"within the first {number} steps:\n" + "\n".join(found)


@pytest.mark.parametrize("seed", seeds(13))
def test_a_history_comes_out_the_same_when_processes_are_killed_all_along(opened: Opener, seed: int) -> None:
    play, dice = opened(2), random.Random(seed)
    for step in World(seed).steps(70):
        if dice.random() < 0.12:
            play.step_with_kill(step, dice)
        else:
            play.step(step)
    assert play.killed > 0
    found = faults(play, seed)
    assert not found, "\n".join(found)
