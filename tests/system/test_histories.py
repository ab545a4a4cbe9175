"""Long random histories in a small world where everything collides, held against the model field by field."""

from __future__ import annotations

import random

import pytest

from tests.harness.explained import unexplained
from tests.harness.histories import PATIENTS, World
from tests.harness.seeds import seeds
from tests.harness.session import Session
from tests.harness.verified import unverified
from tests.system.conftest import Opener

pytestmark = pytest.mark.system

STEPS = 150  # looked at every 50, so that the first faults are told and not all that follows from them


def faults(session: Session, seed: int) -> list[str]:
    """What differs from the model or is not verified, and where a personnummer leaked; the seed in front, so that it
    can be run again."""
    found = [*session.differences(), *(f"leaked: {leak}" for leak in session.leaks(PATIENTS))]
    found += map("not verified: {}".format, unverified(session))
    return [f"FASTLAKARE_TEST_SEEDS={seed}-{seed + 1}: {fault}" for fault in found[:20]]


@pytest.mark.parametrize(("processes", "seed"), [(1, one) for one in seeds(11)] + [(3, one) for one in seeds(12)])
def test_a_long_history_comes_out_as_the_model_says(opened: Opener, processes: int, seed: int) -> None:
    session = opened(processes)
    for number, step in enumerate(World(seed).steps(STEPS), start=1):
        session.step(step)
        if number % 50 == 0:
            found = faults(session, seed)
            assert not found, f"within the first {number} steps:\n" + "\n".join(found)
    assert unexplained(session, PATIENTS) == []


@pytest.mark.parametrize("seed", seeds(13))
def test_a_history_comes_out_the_same_when_processes_are_killed_all_along(opened: Opener, seed: int) -> None:
    session, rng = opened(2), random.Random(seed)
    for step in World(seed).steps(70):
        if rng.random() < 0.12:
            session.step_with_kill(step, rng)
        else:
            session.step(step)
    assert session.killed > 0
    found = [*faults(session, seed), *unexplained(session, PATIENTS)]
    assert not found, "\n".join(found)
