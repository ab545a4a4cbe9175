"""For how long a batch that meets errors is tried again as it is."""

from __future__ import annotations

import asyncpg
import pytest

from infra import timing
from infra.errors import ConcurrentInsert
from workers.pipeline.patience import Patience


def attempts(patience: Patience, error: Exception, most: int = 100) -> int:
    """How often the error is met before the batch is given up, at most so often."""
    return next((number for number in range(1, most + 1) if not patience.lasts(error)), most)


@pytest.mark.parametrize(
    "error", [ConnectionResetError("x"), asyncpg.DeadlockDetectedError("x"), ConcurrentInsert("x")]
)
def test_what_others_bring_about_is_waited_for_without_end(error: Exception) -> None:
    assert attempts(Patience(single=True), error) == 100
    assert attempts(Patience(single=False), error) == 100


def test_a_timeout_that_meets_the_same_batch_again_and_again_is_the_batchs_own() -> None:
    assert attempts(Patience(single=False), asyncpg.QueryCanceledError("x")) == 3
    assert attempts(Patience(single=True), asyncpg.QueryCanceledError("x")) == 10


def test_another_error_in_between_begins_the_count_anew() -> None:
    patience = Patience(single=False)

    for _ in range(50):
        assert patience.lasts(asyncpg.QueryCanceledError("x"))
        assert patience.lasts(asyncpg.QueryCanceledError("x"))
        assert patience.lasts(ConnectionResetError("x"))


def test_a_records_own_error_is_never_tried_again() -> None:
    assert not Patience(single=True).lasts(ValueError("x"))


def test_a_fault_of_the_installation_is_waited_for_a_while() -> None:
    now = 1000.0
    patience = Patience(single=True, clock=lambda: now)
    missing, outage = asyncpg.InsufficientPrivilegeError("x"), ConnectionResetError("x")

    assert patience.lasts(missing)
    now += timing.INSTALLATION_FAULT_SECONDS - 1
    assert patience.lasts(missing)
    now += 2
    assert patience.lasts(outage)
    assert patience.lasts(missing)
    now += timing.INSTALLATION_FAULT_SECONDS + 1
    assert not patience.lasts(missing)
