"""What an operator reads when something outside does not do its part."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from infra.errors import DatabaseUnreachable, SettingsError, WrongSchema
from infra.foreign_errors import explain, is_settings_error


def wrapped(cause: Exception) -> ProgrammingError:
    """The driver's error as SQLAlchemy hands it on."""
    return ProgrammingError("SELECT secret", {}, cause)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (SettingsError("FASTLAKARE_X: no such setting"), "FASTLAKARE_X: no such setting"),
        (DatabaseUnreachable("the database cannot be reached: refused"), "the database cannot be reached: refused"),
        (WrongSchema("run `fastlakare migrate` first"), "run `fastlakare migrate` first"),
        (ConnectionRefusedError(111, "Connection refused"), "the database cannot be reached: Connection refused"),
        (asyncpg.UndefinedTableError('relation "day" does not exist'), "run `fastlakare migrate` first"),
        (wrapped(asyncpg.UndefinedColumnError("column x does not exist")), "run `fastlakare migrate` first"),
        (asyncpg.InvalidPasswordError('password authentication failed for user "app"'), 'failed for user "app"'),
        (asyncpg.InvalidCatalogNameError('database "x" does not exist'), 'database "x" does not exist'),
        (
            asyncpg.InsufficientPrivilegeError("permission denied for table patient"),
            "permission denied for this database role",
        ),
        (PoolTimeout("QueuePool limit of size 16"), "no connection to the database came free"),
        (KafkaConnectionError("Unable to bootstrap"), "Kafka cannot be reached"),
        (KafkaError("refused"), "Kafka cannot be reached or refuses"),
        (UnknownTopicOrPartitionError("kiv.staff.v1: no such topic"), "`fastlakare topics --create`"),
        (TopicAuthorizationFailedError("kiv.staff.v1"), "`fastlakare topics --check`"),
        (TimeoutError(), "no answer in time"),
        (ExceptionGroup("tasks", [DatabaseUnreachable("the database cannot be reached: x")]), "cannot be reached: x"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_an_outage_is_one_line(error: BaseException, expected: str) -> None:
    line = explain(error)
    assert line is not None
    assert expected in line
    assert "\n" not in line
    assert "SELECT" not in line


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x"),
        KeyError("x"),
        asyncpg.UniqueViolationError("Key (id)=(199006022397) already exists"),
        ExceptionGroup("tasks", [TimeoutError(), ValueError("x")]),
        asyncio.CancelledError(),
    ],
)
def test_what_nobody_foresaw_is_not_explained_away(error: BaseException) -> None:
    assert explain(error) is None


def test_no_line_holds_a_personnummer() -> None:
    line = explain(asyncpg.InvalidPasswordError('password authentication failed for user "199006022397"'))
    assert line is not None
    assert "199006022397" not in line


def test_wrong_settings_are_found_within_a_group() -> None:
    assert is_settings_error(ExceptionGroup("tasks", [ValueError("x"), SettingsError("FASTLAKARE_HTTP_PORT: taken")]))
    assert not is_settings_error(ExceptionGroup("tasks", [ValueError("x")]))
