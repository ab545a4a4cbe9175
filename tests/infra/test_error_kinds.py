"""Whose fault a failure is, by every error that can meet a batch."""

from __future__ import annotations

import asyncpg
import pytest
from aiokafka.errors import KafkaConnectionError
from sqlalchemy.exc import DBAPIError, EmulatedDBAPIException
from sqlalchemy.exc import TimeoutError as PoolTimeout

from infra.error_kinds import ErrorKind, is_outage, is_transient, kind_of, may_be_of_the_batch
from infra.errors import BatchTooLarge, ConcurrentInsert, DatabaseUnreachable, SettingsError, WrongSchema


def wrapped(error: Exception, *, lost: bool = False) -> DBAPIError:
    return DBAPIError("SELECT", {}, error, connection_invalidated=lost)


def adapted(error: Exception) -> Exception:
    """As SQLAlchemy's dialect puts a driver's error into one of its own."""
    return EmulatedDBAPIException(str(error), error)


TRANSIENT, INSTALLATION, RECORD = ErrorKind.TRANSIENT, ErrorKind.INSTALLATION, ErrorKind.RECORD


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (asyncpg.DeadlockDetectedError("x"), TRANSIENT),
        (asyncpg.SerializationError("x"), TRANSIENT),
        (asyncpg.LockNotAvailableError("x"), TRANSIENT),
        (asyncpg.ConnectionDoesNotExistError("x"), TRANSIENT),
        (asyncpg.AdminShutdownError("x"), TRANSIENT),
        (asyncpg.CannotConnectNowError("x"), TRANSIENT),
        (asyncpg.QueryCanceledError("x"), TRANSIENT),
        (asyncpg.DiskFullError("x"), TRANSIENT),
        (asyncpg.OutOfMemoryError("x"), TRANSIENT),
        (asyncpg.TooManyConnectionsError("x"), TRANSIENT),
        (asyncpg.IndexCorruptedError("x"), TRANSIENT),
        (asyncpg.IdleInTransactionSessionTimeoutError("x"), TRANSIENT),
        (asyncpg.InvalidCachedStatementError("x"), TRANSIENT),
        (asyncpg.OutdatedSchemaCacheError("x"), TRANSIENT),
        (asyncpg.InterfaceError("x"), TRANSIENT),
        (asyncpg.InternalClientError("cannot switch to state 11; another operation (2) is in progress"), TRANSIENT),
        (wrapped(adapted(asyncpg.InternalClientError("x"))), TRANSIENT),
        (wrapped(adapted(asyncpg.InterfaceError("x"))), TRANSIENT),
        (ConcurrentInsert("x"), TRANSIENT),
        (DatabaseUnreachable("x"), TRANSIENT),
        (ConnectionResetError("x"), TRANSIENT),
        (TimeoutError("x"), TRANSIENT),
        (PoolTimeout("x"), TRANSIENT),
        (EOFError("x"), TRANSIENT),
        (KafkaConnectionError("x"), TRANSIENT),
        (wrapped(asyncpg.DeadlockDetectedError("x")), TRANSIENT),
        (wrapped(asyncpg.CheckViolationError("x"), lost=True), TRANSIENT),
        (asyncpg.InsufficientPrivilegeError("x"), INSTALLATION),
        (asyncpg.UndefinedTableError("x"), INSTALLATION),
        (asyncpg.UndefinedColumnError("x"), INSTALLATION),
        (asyncpg.InvalidPasswordError("x"), INSTALLATION),
        (asyncpg.InvalidCatalogNameError("x"), INSTALLATION),
        (asyncpg.ReadOnlySQLTransactionError("x"), INSTALLATION),
        (asyncpg.FeatureNotSupportedError("x"), INSTALLATION),
        (asyncpg.UntranslatableCharacterError("x"), INSTALLATION),
        (wrapped(adapted(asyncpg.InsufficientPrivilegeError("x"))), INSTALLATION),
        (WrongSchema("x"), INSTALLATION),
        (SettingsError("x"), INSTALLATION),
        (asyncpg.CheckViolationError("x"), RECORD),
        (asyncpg.NotNullViolationError("x"), RECORD),
        (asyncpg.UniqueViolationError("x"), RECORD),
        (asyncpg.NumericValueOutOfRangeError("x"), RECORD),
        (asyncpg.DataError("invalid input for query argument $1"), RECORD),
        (asyncpg.CharacterNotInRepertoireError("x"), RECORD),
        (asyncpg.RaiseError("x"), RECORD),
        (asyncpg.StatementTooComplexError("x"), RECORD),
        (wrapped(asyncpg.CheckViolationError("x")), RECORD),
        (wrapped(adapted(asyncpg.CheckViolationError("x"))), RECORD),
        (BatchTooLarge("x"), RECORD),
        (MemoryError(), RECORD),
        (RecursionError("x"), RECORD),
        (KeyError("x"), RECORD),
        (ValueError("x"), RECORD),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_whose_fault_it_is(error: Exception, kind: ErrorKind) -> None:
    assert kind_of(error) is kind
    assert is_transient(error) is (kind is TRANSIENT)


@pytest.mark.parametrize(
    ("error", "own"),
    [
        (asyncpg.QueryCanceledError("x"), True),
        (asyncpg.IdleInTransactionSessionTimeoutError("x"), True),
        (asyncpg.OutOfMemoryError("x"), True),
        (asyncpg.IndexCorruptedError("x"), True),
        (wrapped(adapted(asyncpg.QueryCanceledError("x"))), True),
        (asyncpg.DiskFullError("x"), False),
        (asyncpg.AdminShutdownError("x"), False),
        (asyncpg.DeadlockDetectedError("x"), False),
        (asyncpg.ConnectionDoesNotExistError("x"), False),
        (ConnectionResetError("x"), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_what_a_batch_may_bring_about_itself(error: Exception, own: bool) -> None:
    assert may_be_of_the_batch(error) is own


def test_a_server_that_is_busy_is_no_outage() -> None:
    outages = [ConnectionResetError("x"), asyncpg.AdminShutdownError("x"), DatabaseUnreachable("x")]
    others = [asyncpg.DeadlockDetectedError("x"), asyncpg.QueryCanceledError("x"), ConcurrentInsert("x"), KeyError("x")]

    assert [is_outage(error) for error in outages] == [True] * 3
    assert [is_outage(error) for error in others] == [False] * 4
