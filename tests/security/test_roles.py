"""What the documented roles of the database may do, and what not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from random import Random

import asyncpg
import pytest

from handlers.world.changes import Pair
from infra.identity import Cluster
from infra.patient_keys import PatientKeys
from infra.postgres import migrations
from infra.postgres.connection import checkout, create_engine
from infra.postgres.installation import check_identity, check_patient_key
from infra.postgres.migrations import upgrade
from infra.postgres.reference_data import ReferenceData
from infra.postgres.verification import (
    OverCeiling,
    answered_since,
    forgotten,
    pairs,
    replies,
    snapshot,
    told,
    unexplained_above,
)
from infra.settings import Settings
from schemas.topics import KIV_STAFF, KIV_UNIT, VARDVAL_LISTING
from tests.security.conftest import Roles, run
from tests.workers.fixtures import Rig, rig_on
from tests.workers.operations.lived import history
from tests.workers.operations.test_rehearsal import carried_out, lived_through
from workers.operations.explain import by_personnummer
from workers.operations.explain_doctor import of_pair
from workers.operations.verification.state import STATE_CHECKS, StateCheck

ALLOWED = (
    "INSERT INTO audit (at, what, reason, rule, source, message_id, release)"
    " VALUES (now(), 'w', 'r', 'L3', 's', 'm', '1')",
    "SELECT count(*) FROM audit",
    "DELETE FROM patient",
    "UPDATE day SET announced = '2026-05-26'",
    "INSERT INTO topic VALUES ('t', 1)",
    "SELECT version_num FROM alembic_version",
    "UPDATE dead_letter SET state = 'discarded'",
    "DELETE FROM release_guard",
)
DENIED = (
    "UPDATE audit SET what = 'other'",
    "DELETE FROM audit",
    "TRUNCATE audit",
    "ALTER TABLE audit DISABLE TRIGGER audit_append_only",
    "DROP TRIGGER audit_append_only ON audit",
    "DROP TABLE patient",
    "ALTER TABLE patient ADD COLUMN x int",
    "CREATE TABLE x (n int)",
    "CREATE SCHEMA x",
    "CREATE TEMPORARY TABLE x (n int)",
    "CREATE ROLE x",
    "UPDATE alembic_version SET version_num = '0'",
    "UPDATE installation SET id = gen_random_uuid()",
    "DELETE FROM day",
    "SET ROLE fastlakare_owner",
)

PATIENT = 199006022397
_RELOAD = "SELECT pg_reload_conf()"

pytestmark = pytest.mark.xdist_group("security")


@pytest.mark.parametrize("sql", ALLOWED)
def test_the_service_reads_and_writes(roles: Roles, sql: str) -> None:
    asyncio.run(run(roles.app, sql))


def test_the_service_can_neither_change_tables_nor_the_audit_trail(roles: Roles) -> None:
    for sql in DENIED:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            asyncio.run(run(roles.app, sql))


def test_the_services_role_is_enough_to_explain_and_to_leave_a_row_of_it(roles: Roles) -> None:
    settings = Settings(database_url=roles.app, patient_key_secret="0123456789abcdef0123456789abcdef")
    asyncio.run(remember_secret(settings))
    asyncio.run(by_personnummer(settings, PATIENT, None, actor="erikop", reason="ärende 4711"))
    asyncio.run(of_pair(settings, Pair("SE2321000131-E000000000712", "SE2321000131-E000000007623"), None))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        asyncio.run(run(roles.app, "DELETE FROM audit WHERE what = 'explained'"))


async def remember_secret(settings: Settings) -> None:
    """As the first start of the service does."""
    pg = await asyncpg.connect(settings.database_url.get_secret_value())
    try:
        await check_patient_key(pg, PatientKeys(settings.patient_key_secret.get_secret_value().encode(), 1))
    finally:
        await pg.close()


def test_the_owner_migrates_again_and_may_do_nothing_outside_its_tables(roles: Roles) -> None:
    before, after = upgrade(roles.owner)
    assert before == after
    for sql in ("CREATE ROLE x", "CREATE DATABASE x", "ALTER ROLE fastlakare_owner SUPERUSER"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            asyncio.run(run(roles.owner, sql))


def test_d1_what_the_service_is_refused_is_not_quoted_in_the_servers_log(roles: Roles) -> None:
    """Also where the server is set to quote it: the session's own looking through the log would fail."""
    asyncio.run(run(roles.superuser, "ALTER SYSTEM SET log_parameter_max_length_on_error = -1", _RELOAD))
    try:
        asyncio.run(_violate_a_key(roles.app))
    finally:
        asyncio.run(run(roles.superuser, "ALTER SYSTEM RESET log_parameter_max_length_on_error", _RELOAD))


async def _violate_a_key(url: str) -> None:
    pg = await asyncpg.connect(url)
    try:
        with pytest.raises(asyncpg.UniqueViolationError):
            await pg.execute(
                "INSERT INTO patient (id, key, partition, sequence, revision, announced)"
                " SELECT $1, '', 0, 0, 0, false FROM generate_series(1, 2)",
                PATIENT,
            )
    finally:
        await pg.close()


DENIED_TO_THE_READER = (
    "DELETE FROM patient",
    "UPDATE link SET start_day = '2026-01-01'",
    "INSERT INTO topic VALUES ('t', 1)",
    "UPDATE installation SET settings = '{}'",
    "SELECT FROM patient FOR UPDATE",
    "SELECT count(*) FROM dead_letter",
    "SELECT count(*) FROM outbox",
    "SELECT count(*) FROM import_part",
    "CREATE TEMPORARY TABLE x (n int)",
    "CREATE TABLE x (n int)",
    "SET ROLE fastlakare_app",
)


def test_the_reader_reads_what_is_verified_and_can_do_nothing_else(roles: Roles) -> None:
    for sql in DENIED_TO_THE_READER:
        for writable in ("on", "off"):  # the role's default is no protection: whoever is logged in may change it
            with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.ReadOnlySQLTransactionError)):
                asyncio.run(run(roles.reader, f"SET default_transaction_read_only = {writable}", sql))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        asyncio.run(run(roles.reader, "SET default_transaction_read_only = off", "DELETE FROM patient"))


async def test_v4_the_reader_is_enough_for_a_snapshot_and_every_check_of_it(roles: Roles) -> None:
    settings = Settings(database_url=roles.reader)
    engine = create_engine(settings, pool_size=2)
    try:
        async with checkout(engine) as pg, snapshot(pg) as held:
            await migrations.check(pg)
            await check_identity(pg, {}, Cluster(None, {}))
            assert [key async for key, _ in told(pg)] == []
            assert (await forgotten(pg), await pairs(pg), await answered_since(pg, datetime.now(UTC))) == ({}, {}, {})
            assert [one async for one in replies(pg, 0)] == []
            for check in STATE_CHECKS.values():
                assert [one async for one in check(StateCheck(pg, held.day, settings.policy))] == []
            assert await unexplained_above(pg, OverCeiling("u", "d", 1, 2)) == []
    finally:
        await engine.dispose()


def test_nobody_else_may_even_connect(roles: Roles) -> None:
    asyncio.run(run(roles.superuser, "DROP ROLE IF EXISTS stranger", "CREATE ROLE stranger LOGIN PASSWORD 'x'"))
    place = roles.superuser.split("@", 1)[1]
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        asyncio.run(run(f"postgresql://stranger:x@{place}", "SELECT 1"))
    asyncio.run(run(roles.superuser, "DROP ROLE stranger"))


OPERATOR_DENIED = (
    "UPDATE audit SET what = 'other'",
    "DELETE FROM audit",
    "UPDATE day SET day = '2026-05-26'",
    "UPDATE installation SET id = gen_random_uuid()",
    "UPDATE outbox_shard SET published_seq = 0",
    "DELETE FROM outbox",
    "DELETE FROM run",
    "DELETE FROM dead_letter",
    "UPDATE topic SET id = NULL",
    "ALTER TABLE patient ADD COLUMN x int",
    "CREATE TABLE x (n int)",
    "SET ROLE fastlakare_app",
)


def test_the_operator_can_do_nothing_beside_what_runs_do(roles: Roles) -> None:
    for sql in OPERATOR_DENIED:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            asyncio.run(run(roles.operator, sql))


async def test_the_operators_role_is_enough_for_runs_of_every_topic(roles: Roles) -> None:
    """A history of which parts were lost is judged again as the operator; the service has lived through it."""
    async with rig_on(roles.app) as service:
        topics = await lived_through(service, history(3, 70), Random(3))
        engine = create_engine(Settings(database_url=roles.operator), pool_size=2)
        operator = Rig(replace(service.runtime, engine=engine, reference_data=ReferenceData()), service.pg)
        try:
            applied = 0
            for topic in (KIV_UNIT, KIV_STAFF, VARDVAL_LISTING):
                applied += (await carried_out(operator, topic, topics[topic])).outcomes["applied"]
        finally:
            await engine.dispose()
    assert applied
