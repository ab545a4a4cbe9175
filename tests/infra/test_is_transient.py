"""What is transient and what is not, so that the same work is tried again."""

from __future__ import annotations

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError, EmulatedDBAPIException
from sqlalchemy.exc import TimeoutError as PoolTimeout

from infra.errors import ConcurrentInsert, DatabaseUnreachable
from infra.foreign_errors import is_transient


def wrapped(error: Exception, *, lost: bool = False) -> DBAPIError:
    return DBAPIError("SELECT", {}, error, connection_invalidated=lost)


def adapted(error: Exception) -> Exception:
    """As SQLAlchemy's dialect puts a driver's error into one of its own."""
    return EmulatedDBAPIException(str(error), error)


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (asyncpg.DeadlockDetectedError("x"), True),
        (asyncpg.SerializationError("x"), True),
        (asyncpg.LockNotAvailableError("x"), True),
        (asyncpg.ConnectionDoesNotExistError("x"), True),
        (asyncpg.AdminShutdownError("x"), True),
        (asyncpg.CannotConnectNowError("x"), True),
        (asyncpg.DiskFullError("x"), True),
        (asyncpg.TooManyConnectionsError("x"), True),
        (asyncpg.InvalidPasswordError("x"), True),
        (asyncpg.IdleInTransactionSessionTimeoutError("x"), True),
        (asyncpg.InterfaceError("x"), True),
        (asyncpg.InternalClientError("cannot switch to state 11; another operation (2) is in progress"), True),
        (wrapped(adapted(asyncpg.InternalClientError("x"))), True),
        (wrapped(adapted(asyncpg.InterfaceError("x"))), True),
        (ConcurrentInsert("x"), True),
        (DatabaseUnreachable("x"), True),
        (ConnectionResetError("x"), True),
        (TimeoutError("x"), True),
        (PoolTimeout("x"), True),
        (EOFError("x"), True),
        (wrapped(asyncpg.DeadlockDetectedError("x")), True),
        (wrapped(asyncpg.CheckViolationError("x"), lost=True), True),
        (asyncpg.CheckViolationError("x"), False),
        (asyncpg.NotNullViolationError("x"), False),
        (asyncpg.NumericValueOutOfRangeError("x"), False),
        (asyncpg.UndefinedTableError("x"), False),
        (wrapped(asyncpg.CheckViolationError("x")), False),
        (wrapped(adapted(asyncpg.CheckViolationError("x"))), False),
        (KeyError("x"), False),
        (ValueError("x"), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_what_may_pass_is_waited_for(error: Exception, passes: bool) -> None:
    assert is_transient(error, 1) is passes
    assert is_transient(error, 1_000) is passes


def test_two_first_inserts_of_one_key_are_tried_again_but_not_for_ever() -> None:
    error = asyncpg.UniqueViolationError("x")
    assert [is_transient(error, attempt) for attempt in (1, 4, 5)] == [True, True, False]
