"""PostgreSQL servers of tests, at the default settings of their log, which is looked through when they stop (D1)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import CalledProcessError

import asyncpg

from infra.embedded.postgres import Postgres
from schemas.ids import holds_patient_id

#: a test database need not survive the machine, only its own crashes
FAST = {"fsync": "off", "synchronous_commit": "on", "max_connections": "200", "shared_buffers": "128MB"}
#: what every server says first, so that a log which is not there cannot pass
_STARTED = "ready to accept connections"
_LONG_NUMBER = re.compile(r"[0-9]{4,}")
_BYTES = re.compile(r"\\+x((?:[0-9a-f]{2})+)")


class LogNamesPatients(AssertionError):
    """PostgreSQL's log holds personnummer; the text is the lines, masked."""


@contextmanager
def started_postgres(folder: Path, settings: dict[str, str] | None = None) -> Iterator[Postgres]:
    """A server in a folder that it makes, stopped in the end. Raises LogNamesPatients."""
    server = Postgres(folder, settings)
    try:
        server.start()
        yield server
    finally:
        with suppress(CalledProcessError):  # it may be down already
            server.stop("immediate")
        assert_names_no_patient(server.folder / "log")


def assert_names_no_patient(log: Path) -> None:
    """Raises LogNamesPatients (D1), and AssertionError for what is no log."""
    text = log.read_text(errors="replace")
    if _STARTED not in text:
        raise AssertionError(f"{log} is no log of PostgreSQL")
    if found := lines_with_patients(text):
        raise LogNamesPatients("PostgreSQL's log holds personnummer:\n" + "\n".join(found))


def lines_with_patients(log: str) -> list[str]:
    """The lines, masked, in which a personnummer stands, as text or in bytes written as hexadecimals."""
    return [_mask(line) for line in log.splitlines() if holds_patient_id(line) or holds_patient_id(_bytes_in(line))]


def _bytes_in(line: str) -> str:
    return " ".join(bytes.fromhex(digits).decode("latin-1") for digits in _BYTES.findall(line))


def _mask(line: str) -> str:
    return _LONG_NUMBER.sub("[...]", _BYTES.sub(r"\\x[...]", line))


def execute(url: str, sql: str) -> None:
    """Runs SQL on the database behind the URL, outside any transaction."""

    async def run() -> None:
        pg = await asyncpg.connect(url)
        try:
            await pg.execute(sql)
        finally:
            await pg.close()

    with ThreadPoolExecutor(1) as thread:  # a test's own event loop may be running here
        thread.submit(lambda: asyncio.run(run())).result()
