"""What a dead letter says of a record on which the service failed: the exception's class and place, never data (D1)."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType

from sqlalchemy.exc import DBAPIError

from schemas.errors import DeadLetterCode, DeadLetterReason

_OWN_PACKAGES = frozenset({"cli", "workers", "infra", "handlers", "schemas"})


def failure_reason(error: BaseException) -> DeadLetterReason:
    """Why a record is dead-lettered whose handling fails."""
    frames = traceback.extract_tb(error.__traceback__)
    place = "unknown"
    if frames:
        last = frames[-1]
        place = f"{Path(last.filename).name}:{last.lineno} {last.name}"
    return DeadLetterReason(DeadLetterCode.HANDLER_FAILED, f"{type(error).__name__} at {place}", fingerprint(error))


def fingerprint(error: BaseException) -> str:
    """What tells one failure from another, the same in every release: the root exception's class (of the database's
    errors with SQLSTATE and constraint) and the innermost function of ours, without line numbers (contract.md, Dead
    letters)."""
    root = _root(error)
    details = (getattr(root, "sqlstate", None), getattr(root, "constraint_name", None))
    name = " ".join([type(root).__name__, *(str(detail) for detail in details if detail)])
    place = _innermost(root.__traceback__) or _innermost(error.__traceback__)
    return f"{name} in {place or 'unknown'}"


def _root(error: BaseException) -> BaseException:
    while True:
        cause = error.driver_exception if isinstance(error, DBAPIError) and error.orig is not None else error.__cause__
        if cause is None:
            return error
        error = cause


def _innermost(tb: TracebackType | None) -> str | None:
    """`module.function` of the innermost frame in one of our packages."""
    place = None
    while tb is not None:
        module = str(tb.tb_frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] in _OWN_PACKAGES:
            place = f"{module}.{tb.tb_frame.f_code.co_qualname}"
        tb = tb.tb_next
    return place
