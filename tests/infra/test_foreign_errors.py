"""Every exception class of the libraries beneath us is known, with what it means for a batch.

`foreign_errors.txt` lists them: a new release that brings another one fails here until somebody has looked at it.
Print it anew with `python -m tests.infra.test_foreign_errors`.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import aiokafka.errors
import asyncpg.exceptions
import sqlalchemy.exc

from infra.error_kinds import kind_of
from infra.foreign_errors import explain

LISTED = Path(__file__).with_name("foreign_errors.txt")


def known() -> Iterator[str]:
    """A line for each class: whose fault it is, and whether an operator reads one line instead of a traceback."""
    for module in (asyncpg.exceptions, aiokafka.errors, sqlalchemy.exc):
        for name, error in sorted(classes(module).items()):
            kind = kind_of(error).name.lower()
            yield f"{module.__name__}.{name} {kind} {'explained' if explain(error) else 'unforeseen'}"


def classes(module: ModuleType) -> dict[str, BaseException]:
    """An instance of each exception class; SQLAlchemy's are told by the driver's error that they carry, here none."""
    found: dict[str, BaseException] = {}
    for name, value in vars(module).items():
        if inspect.isclass(value) and issubclass(value, Exception) and value.__module__.startswith(module.__name__[:7]):
            error = value.__new__(value, "x")
            if isinstance(error, sqlalchemy.exc.StatementError):
                error.orig = None
                error.connection_invalidated = False
            found[name] = error
    return found


def test_every_exception_class_of_the_libraries_is_known() -> None:
    assert list(known()) == LISTED.read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    LISTED.write_text("\n".join(known()) + "\n", encoding="utf-8")
