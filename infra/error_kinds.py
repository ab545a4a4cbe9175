"""What a failure means for the work that met it: the one place where that is decided (architecture.md, Errors)."""

from __future__ import annotations

from enum import Enum, auto

import asyncpg
from aiokafka.errors import KafkaError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from infra.errors import ConcurrentInsert, DatabaseUnreachable, InstallationError, SettingsError


class ErrorKind(Enum):
    """Whose fault a failure is, which says what happens to the batch."""

    #: connection, deadlock, server: the same work succeeds later as it is, and is tried again without end
    TRANSIENT = auto()
    #: rights, schema, settings, a database that is read-only: no record is at fault, and none is dead-lettered
    INSTALLATION = auto()
    #: a bug or the data: the batch is halved until one record stands alone, which is dead-lettered. What nobody foresaw
    #: is of this kind
    RECORD = auto()


#: by SQLSTATE or its class, the first two characters; what is in neither is the record's
_STATES = {
    "55006": ErrorKind.TRANSIENT,  # object in use
    "55P03": ErrorKind.TRANSIENT,  # lock not available
    "25006": ErrorKind.INSTALLATION,  # read-only: a standby, or one that is not yet promoted
    "25P03": ErrorKind.TRANSIENT,  # idle in transaction for too long
    "25P04": ErrorKind.TRANSIENT,  # transaction timeout
    "22P05": ErrorKind.INSTALLATION,  # the database's encoding has no such character
}
_CLASSES = {
    "08": ErrorKind.TRANSIENT,  # connection
    "40": ErrorKind.TRANSIENT,  # deadlock, serialisation
    "53": ErrorKind.TRANSIENT,  # resources: disk, memory, connections
    "57": ErrorKind.TRANSIENT,  # operator: shutdown, cancelled
    "58": ErrorKind.TRANSIENT,  # system
    "72": ErrorKind.TRANSIENT,  # snapshot too old
    "XX": ErrorKind.TRANSIENT,  # internal: corrupted data or index
    "0A": ErrorKind.INSTALLATION,  # not supported
    "28": ErrorKind.INSTALLATION,  # logging in
    "3D": ErrorKind.INSTALLATION,  # no such database
    "3F": ErrorKind.INSTALLATION,  # no such schema
    "42": ErrorKind.INSTALLATION,  # no right, no such table or column
    "F0": ErrorKind.INSTALLATION,  # the server's configuration
}
#: The plan or the types that a session remembers are out of date: it has new ones at the next attempt. asyncpg calls it
#: an error of its own when it is asked for something while it reads that its session is being ended.
_TRANSIENT = (
    *(asyncpg.InvalidCachedStatementError, asyncpg.InterfaceError, asyncpg.InternalClientError),
    *(OSError, TimeoutError, PoolTimeout, EOFError, KafkaError, DatabaseUnreachable, ConcurrentInsert),
)
#: transient by their name, but a batch may be what brings them about: a statement that takes too long, a transaction
#: that does, memory, an internal error at one row
_PERHAPS_OF_THE_BATCH = frozenset({"57014", "25P03", "25P04", "53200", "XX000", "XX001", "XX002"})


def kind_of(error: BaseException) -> ErrorKind:
    """Whose fault the failure is."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return ErrorKind.TRANSIENT if error.connection_invalidated else kind_of(_driver_error(error))
    if isinstance(error, InstallationError | SettingsError):
        return ErrorKind.INSTALLATION
    if isinstance(error, _TRANSIENT):
        return ErrorKind.TRANSIENT
    state = _state(error)
    return _STATES.get(state) or _CLASSES.get(state[:2]) or ErrorKind.RECORD


def is_transient(error: BaseException) -> bool:
    """Whether the same work may succeed later as it is."""
    return kind_of(error) is ErrorKind.TRANSIENT


def may_be_of_the_batch(error: BaseException) -> bool:
    """Whether a transient error that meets the same batch again and again can be of its own making."""
    return _state(_driver_error(error)) in _PERHAPS_OF_THE_BATCH


def is_outage(error: BaseException) -> bool:
    """Whether the error says that a server could not be reached or would not serve, and not that it was busy."""
    state = _state(_driver_error(error))
    return (
        is_transient(error) and not state.startswith(("40", "55", "57014")) and not isinstance(error, ConcurrentInsert)
    )


def _driver_error(error: BaseException) -> BaseException:
    return error.driver_exception if isinstance(error, DBAPIError) and error.orig is not None else error


def _state(error: BaseException) -> str:
    return getattr(error, "sqlstate", None) or ""
