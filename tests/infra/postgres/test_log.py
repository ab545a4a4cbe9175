"""PostgreSQL's own log holds no personnummer at its default settings (D1): nothing that it refuses can name a patient.

What it logs of a statement that fails is the statement, without its parameters; the key or the row that violates a
constraint (DETAIL); and the text that a type cannot read (CONTEXT).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from handlers.world import Choice, Import, ImportPart, Link, Patient, Row
from handlers.world.changes import AuditEntry, Cause
from infra.embedded.postgres import Postgres
from infra.errors import MissingValue
from infra.postgres import audit, dead_letters, inbox, outbox, patients
from tests.harness.postgres import lines_with_patients
from tests.infra.postgres.attempts import KEYS, NOON, TODAY, Attempt, Begin, attempts, cause

PATIENT, UNIT, DOCTOR = 199006022397, "SE2321000131-E000000000712", "SE2321000131-E000000007623"

#: every table, and the columns in which a personnummer may stand
HOLD_PATIENTS = {
    "patient": {"id"},
    "link": {"patient_id"},
    "audit": {"patient_id"},
    "outbox": {"key", "value", "headers"},
    "dead_letter": {"key", "value", "headers"},
}
HOLD_NONE = {
    "alembic_version", "command", "consumer_offset", "day", "doctor", "forgotten", "import", "import_part",
    "installation", "outbox_shard", "processed_ahead", "record_outcome", "release_guard", "roster", "run",
    "run_decision", "run_partition", "stale_statistics", "topic", "unit",
}  # fmt: skip

ALONE = "whoever has the patient's row is alone with the link, and deletes what stood before"
CHECKED = "looked at before anything is sent"
#: why no statement violates it, for every constraint of the tables that hold patients
HOLDS = {
    "patient PRIMARY KEY (id)": "inserted ON CONFLICT DO NOTHING, never updated",
    "patient NOT NULL id": "the key of the world's patients",
    "patient NOT NULL key": CHECKED,
    "patient NOT NULL partition": CHECKED,
    "patient NOT NULL sequence": CHECKED,
    "patient NOT NULL revision": CHECKED,
    "patient NOT NULL announced": CHECKED,
    "link PRIMARY KEY (patient_id)": ALONE,
    "link NOT NULL patient_id": CHECKED,
    "link NOT NULL unit": CHECKED,
    "link NOT NULL doctor": CHECKED,
    "link NOT NULL start_day": CHECKED,
    "audit NOT NULL id": "generated",
    "audit NOT NULL at": CHECKED,
    "audit NOT NULL what": CHECKED,
    "audit NOT NULL reason": CHECKED,
    "audit NOT NULL rule": CHECKED,
    "audit NOT NULL release": CHECKED,
    "audit NOT NULL override": CHECKED,
    "audit NOT NULL source": CHECKED,
    "audit NOT NULL message_id": CHECKED,
    "audit NOT NULL written_at": "a default",
    "outbox PRIMARY KEY (shard, seq)": "allocated under the shard's lock, and names nobody",
    "outbox NOT NULL shard": "a key of those registered",
    "outbox NOT NULL seq": "counted",
    "outbox NOT NULL headers": "bytes, of whatever they are made",
    "dead_letter PRIMARY KEY (topic, partition, record_offset)": "inserted ON CONFLICT DO UPDATE, and names nobody",
    "dead_letter CHECK ((state = ANY (ARRAY['open'::text, 'handled'::text, 'discarded'::text])))": "our own words",
    "dead_letter NOT NULL state": "a default",
    **{
        f"dead_letter NOT NULL {column}": CHECKED
        for column in (
            *("topic", "partition", "record_offset", "record_timestamp", "headers"),
            *("code", "detail", "release", "attempts", "dead_at", "last_at"),
        )
    },
}


@pytest.fixture
async def begin(migrated_url: str) -> AsyncIterator[Begin]:
    async with attempts(migrated_url) as made:
        yield made


async def test_every_table_is_known_to_hold_patients_or_not(begin: Begin) -> None:
    pg = (await begin()).pg
    tables = await pg.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert {row[0] for row in tables} == HOLD_PATIENTS.keys() | HOLD_NONE


async def test_every_constraint_on_a_table_that_holds_patients_is_accounted_for(begin: Begin) -> None:
    pg = (await begin()).pg
    tables = [*HOLD_PATIENTS]
    others = await pg.fetch(
        "SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid::regclass::text = ANY($1) AND contype <> 'n'",
        tables,
    )
    nulls = await pg.fetch(
        "SELECT attrelid::regclass || ' NOT NULL ' || attname FROM pg_attribute"
        " WHERE attrelid::regclass::text = ANY($1) AND attnotnull AND attnum > 0",
        tables,
    )
    unique = await pg.fetch(
        "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid::regclass::text = ANY($1) AND indisunique"
        " AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)",
        tables,
    )
    assert {row[0] for row in [*others, *nulls, *unique]} == HOLDS.keys()


async def test_no_type_that_quotes_what_it_cannot_read_holds_what_others_wrote(begin: Begin) -> None:
    """`jsonb` refuses U+0000 and quotes what stands around it; `json` takes what `orjson` writes. The installation's
    settings are the operator's."""
    pg = (await begin()).pg
    columns = await pg.fetch("SELECT table_name FROM information_schema.columns WHERE data_type IN ('jsonb', 'xml')")
    assert [row[0] for row in columns if not row[0].startswith("pg_")] == ["installation"]


def statements(module: Any) -> list[str]:
    """The module's SQL."""
    return [text for name, text in vars(module).items() if re.fullmatch("_[A-Z_]+", name) and isinstance(text, str)]


@pytest.mark.parametrize("module", [patients, audit, outbox, inbox, dead_letters])
def test_no_insert_relies_on_a_violation(module: Any) -> None:
    inserts = [text for text in statements(module) if text.lstrip().startswith("INSERT")]
    assert [text for text in inserts if "ON CONFLICT" not in text] == []


def patient(**fields: object) -> Patient:
    """One who has never been stored."""
    key = KEYS.key(PATIENT)
    one = Patient(PATIENT, key, KEYS.partition(key), 1, current=Choice(UNIT, TODAY), is_persisted=False)
    for name, value in fields.items():
        setattr(one, name, value)
    return one


async def changed(attempt: Attempt, one: Patient) -> None:
    attempt.world.add_patient(one)
    attempt.world.changes.touch_patient(one)
    await attempt.write()


@pytest.mark.parametrize("column", ["key", "partition", "sequence", "revision", "announced"])
async def test_a_patient_who_lacks_a_value_is_refused_before_postgresql_does(begin: Begin, column: str) -> None:
    with pytest.raises(MissingValue, match=rf"^patient\.{column}$"):
        await changed(await begin(), patient(**{column: None}))


@pytest.mark.parametrize("column", ["unit", "doctor", "start"])
async def test_a_link_that_lacks_a_value_is_refused_before_postgresql_does(begin: Begin, column: str) -> None:
    lacking: dict[str, Any] = {column: None}
    with pytest.raises(MissingValue, match=r"^link\."):
        await changed(await begin(), patient(link=Link(UNIT, DOCTOR, TODAY)._replace(**lacking)))


@pytest.mark.parametrize("who", [Cause("s", "i", None), Cause(None, "i", NOON), Cause("s", None, NOON)])  # type: ignore[arg-type]
async def test_an_audit_row_that_lacks_a_value_is_refused_before_postgresql_does(begin: Begin, who: Cause) -> None:
    attempt = await begin()
    attempt.world.changes.record(AuditEntry("link-patient", "done", UNIT, DOCTOR, PATIENT, who))
    with pytest.raises(MissingValue, match=r"^audit\."):
        await attempt.write()


async def test_a_link_is_copied_in_where_one_of_nobody_stood(begin: Begin) -> None:
    attempt = await begin()
    await attempt.pg.execute("INSERT INTO link VALUES ($1, 'X', 'X', $2)", PATIENT, TODAY)
    await changed(attempt, patient(link=Link(UNIT, DOCTOR, TODAY)))
    assert await attempt.pg.fetchval("SELECT unit FROM link") == UNIT


async def test_a_cause_with_a_character_that_no_text_of_postgresql_holds_is_stored_and_not_quoted(begin: Begin) -> None:
    nul = f"{PATIENT}\0"
    attempt = await begin()
    part = ImportPart(1, 2, 1, UNIT, cause(nul, correlation_id=nul), [Row(1, KEYS.key(PATIENT), UNIT, DOCTOR, None)])
    attempt.world.imports[UNIT, "a"] = Import(UNIT, "a", TODAY, {1: part})
    attempt.world.changes.touch_import((UNIT, "a"))
    await attempt.write()
    again = await attempt.pg.fetchval("SELECT cause FROM import_part")
    assert nul in again
    await attempt.roll_back()


async def test_a_copy_that_fails_names_its_table_and_column_only(begin: Begin, postgres: Postgres) -> None:
    """The rows go over the wire in binary, of which the server quotes nothing."""
    log = postgres.folder / "log"
    said = log.stat().st_size
    attempt = await begin()
    row = dict.fromkeys(audit._COLUMNS) | {"what": "what", "reason": "reason", "rule": "L3", "unit": f"{PATIENT}\0"}
    row |= {"patient_id": PATIENT, "at": NOON, "source": "s", "message_id": "i", "release": "1"}
    rows = [tuple(row.values())]
    with pytest.raises(asyncpg.CharacterNotInRepertoireError):
        await attempt.pg.copy_records_to_table("audit", records=rows, columns=audit._COLUMNS)
    with log.open() as lines:
        lines.seek(said)
        new = lines.read()
    assert "COPY audit, line 1, column unit" in new
    assert lines_with_patients(new) == []
