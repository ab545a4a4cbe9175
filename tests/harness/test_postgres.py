"""Looking through PostgreSQL's log finds what it is there to find."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import pytest

from tests.harness.postgres import FAST, LogNamesPatients, lines_with_patients, started_postgres

PATIENT = "199006022397"
TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "line",
    [
        f"DETAIL:  Key (id)=({PATIENT}) already exists.",
        f"DETAIL:  Failing row contains ({PATIENT}, null, 2026-05-26).",
        "CONTEXT:  JSON data, line 1: [900602-2397",
        f"DETAIL:  Failing row contains (1, 2, \\x{PATIENT.encode().hex()}, null).",
    ],
)
def test_d1_a_line_with_a_personnummer_is_found_and_shown_without_it(line: str) -> None:
    (found,) = lines_with_patients(f"nothing\n{line}\nnothing")
    assert lines_with_patients(found) == []
    assert found.split()[0] == line.split(maxsplit=1)[0]


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-27 05:46:31.123 UTC [19012] LOG:  database system is ready to accept connections",
        "DETAIL:  Key (id)=(199006022398) already exists.",
        "LOG:  redo starts at 0/1990060223970001",
    ],
)
def test_d1_a_line_without_one_is_not(line: str) -> None:
    assert lines_with_patients(line) == []


def test_d1_no_test_starts_a_server_whose_log_is_not_looked_through() -> None:
    starts = [path for path in TESTS.rglob("*.py") if re.search(r"\bPostgres\(", path.read_text())]
    assert [path.relative_to(TESTS) for path in starts if path != Path(__file__)] == [Path("harness/postgres.py")]


async def test_d1_a_server_whose_log_names_a_patient_fails_what_started_it() -> None:
    with (
        TemporaryDirectory() as folder,
        pytest.raises(LogNamesPatients, match="Key"),
        started_postgres(Path(folder) / "data", FAST) as server,
    ):
        await _violate_a_key(server.url())


async def _violate_a_key(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE patient (id bigint PRIMARY KEY)")
    await connection.execute("INSERT INTO patient VALUES ($1)", int(PATIENT))
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute("INSERT INTO patient VALUES ($1)", int(PATIENT))
    connection.terminate()
