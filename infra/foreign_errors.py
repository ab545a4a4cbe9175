"""The one line that an operator reads of an error of others, instead of a traceback (architecture.md, Errors)."""

from __future__ import annotations

import logging
import socket

from aiokafka.errors import KafkaError, TopicAuthorizationFailedError, UnknownTopicOrPartitionError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from infra.errors import DatabaseUnreachable, InstallationError, NotPublished, PartitionUnreadable, SettingsError
from infra.logs import masked

_UNDEFINED = ("42P01", "42703", "3F000")  # table, column, schema
_REFUSED_CLASSES = (
    "0A",
    "28",
    "3D",
    "42",
    "53",
    "57",
    "08",
    "F0",
)  # whose texts name users, databases and reasons, never rows


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
    if isinstance(error, DatabaseUnreachable | InstallationError | NotPublished | PartitionUnreadable):
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
    if state == "25006":
        return "the database is read-only: a standby, or a primary that is not yet promoted"
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
