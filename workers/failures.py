"""What a failure means for a batch: wait and try again, or find the record that cannot be handled (architecture.md)."""

from __future__ import annotations

import traceback
from collections import deque
from pathlib import Path

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from infra.postgres.connection import DatabaseUnreachable
from schemas.errors import DeadCode, Unreadable

#: classes of SQLSTATE that pass by themselves: connection, resources, operator, system; then deadlock and its kin
_PASSING_CLASSES = ("08", "53", "57", "58", "XX")
_PASSING_STATES = ("40001", "40P01", "55P03", "25P03", "25006", "3D000", "28000", "28P01")
#: asyncpg calls it an error of its own when it is asked for something while it reads that its session is being ended
_PASSING = (
    *(OSError, TimeoutError, PoolTimeout, EOFError),
    *(asyncpg.InterfaceError, asyncpg.InternalClientError, DatabaseUnreachable),
)
_UNIQUE_VIOLATION = "23505"

#: so many records of the last `_WINDOW` may be dead-lettered for a failure of ours before the worker stops instead
_WINDOW = 1_000
_MOST_FAILED = 20


class BadRelease(Exception):
    """Too many records fail in the handler: a bug of this release must not drain a topic into its DLQ."""


def passing(error: BaseException, attempts: int) -> bool:
    """Whether the same batch may succeed later as it is. Two first inserts of one key pass when tried again."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return error.connection_invalidated or passing(error.driver_exception, attempts)
    state = getattr(error, "sqlstate", None) or ""
    if state == _UNIQUE_VIOLATION:
        return attempts < 5
    if state:
        return state[:2] in _PASSING_CLASSES or state in _PASSING_STATES
    return isinstance(error, _PASSING)


def fingerprint(error: BaseException) -> Unreadable:
    """The dead letter's code and detail: exception class and place, no data (D1)."""
    frames = traceback.extract_tb(error.__traceback__)
    place = "unknown"
    if frames:
        last = frames[-1]
        place = f"{Path(last.filename).name}:{last.lineno} {last.name}"
    return Unreadable(DeadCode.HANDLER_FAILED, f"{type(error).__name__} at {place}")


class Guard:
    """Counts what fails in the handler among the last records of a worker."""

    def __init__(self) -> None:
        self._last: deque[bool] = deque(maxlen=_WINDOW)

    def handled(self, records: int) -> None:
        """So many records went well."""
        self._last.extend([False] * min(records, _WINDOW))

    def failed(self) -> None:
        """One more record fails. Raises BadRelease when that is too many."""
        self._last.append(True)
        if sum(self._last) > _MOST_FAILED:
            raise BadRelease(f"more than {_MOST_FAILED} of the last {_WINDOW} records failed in the handler")
