"""What errors of others mean: whether they are transient, and the one line that an operator reads instead of a
traceback (architecture.md, Errors)."""

from __future__ import annotations

import logging
import socket

import asyncpg
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError, UnknownTopicOrPartitionError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from infra.errors import DatabaseUnreachable, InstallationError, PartitionUnreadable, SettingsError
from infra.logs import masked

#: classes of SQLSTATE that are over by themselves: connection, resources, operator, system; then deadlock and its kin
_TRANSIENT_CLASSES = ("08", "53", "57", "58", "XX")
_TRANSIENT_STATES = ("40001", "40P01", "55P03", "25P03", "25006", "3D000", "28000", "28P01")
#: asyncpg calls it an error of its own when it is asked for something while it reads that its session is being ended
_TRANSIENT = (
    *(OSError, TimeoutError, PoolTimeout, EOFError, KafkaError),
    *(asyncpg.InterfaceError, asyncpg.InternalClientError, DatabaseUnreachable),
)
_UNIQUE_VIOLATION = "23505"


def is_transient(error: BaseException, attempts: int) -> bool:
    """Whether the same work may succeed later as it is, after so many `attempts`. Two first inserts of one key
    succeed when tried again."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return error.connection_invalidated or is_transient(error.driver_exception, attempts)
    state = getattr(error, "sqlstate", None) or ""
    if state == _UNIQUE_VIOLATION:
        return attempts < 5
    if state:
        return state[:2] in _TRANSIENT_CLASSES or state in _TRANSIENT_STATES
    return isinstance(error, _TRANSIENT)


_UNDEFINED = ("42P01", "42703", "3F000")  # table, column, schema
_REFUSED_CLASSES = ("28", "3D", "53", "57", "08")  # whose texts name users, databases and reasons, never rows


def explain(error: BaseException) -> str | None:
    """One line for an outage or a wrong setting, without data (D1); None for what nobody foresaw."""
    if isinstance(error, BaseExceptionGroup):
        lines = [explain(part) for part in error.exceptions]
        return None if None in lines else lines[0]
    line = _explain(error)
    return None if line is None else masked(" ".join(line.split()))


def is_settings_error(error: BaseException) -> bool:
    """Whether waiting or starting again cannot help, for the settings are wrong."""
    if isinstance(error, BaseExceptionGroup):
        return any(is_settings_error(part) for part in error.exceptions)
    return isinstance(error, SettingsError)


def _explain(error: BaseException) -> str | None:
    if isinstance(error, SettingsError):
        return str(error)
    if isinstance(error, DatabaseUnreachable | InstallationError | PartitionUnreadable):
        return str(error)
    if isinstance(error, UnknownTopicOrPartitionError):
        return f"{_text(error)}; `fastlakare topics --create` makes what is missing"
    if isinstance(error, TopicAuthorizationFailedError):
        return (
            f"Kafka gives no right to {_text(error)}; what is needed stands in deploy/kafka-acls*.txt, and"
            " `fastlakare topics --check` tells what the service lacks"
        )
    if isinstance(error, KafkaError):
        return f"Kafka cannot be reached or refuses: {last_kafka_error.text or _text(error)}"
    if isinstance(error, PoolTimeout):
        return "no connection to the database came free in time"
    if isinstance(error, TimeoutError):
        return "no answer in time from Kafka or the database"
    if isinstance(error, ConnectionError | socket.gaierror):  # Kafka's are KafkaErrors
        return f"the database cannot be reached: {error.strerror or error}"
    return _database(error)


def _database(error: BaseException) -> str | None:
    cause = getattr(error, "orig", None) or error  # SQLAlchemy's error around the driver's
    state = getattr(cause, "sqlstate", None)
    if state in _UNDEFINED:
        return "the database's tables are missing or of another version: run `fastlakare migrate` first"
    if state == "42501":
        return "permission denied for this database role; `fastlakare migrate` needs the owner role (docs/security.md)"
    if isinstance(state, str) and state[:2] in _REFUSED_CLASSES:
        return f"the database refuses: {(str(cause).splitlines() or [type(cause).__name__])[0]}"
    if getattr(error, "connection_invalidated", False) or type(cause).__name__.endswith("ConnectionDoesNotExistError"):
        return "the connection to the database was lost"
    return None


def _text(error: KafkaError) -> str:
    return ", ".join(str(part) for part in error.args) or type(error).__name__


class _LastKafkaError(logging.Handler):
    """Keeps the last error aiokafka logged: what its exceptions leave out, e.g. why a server cannot be reached."""

    text = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps the line."""
        self.text = record.getMessage().rstrip(": ")


last_kafka_error = _LastKafkaError(logging.ERROR)
