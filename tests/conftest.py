"""The servers that tests share: real Kafka and PostgreSQL, one of each for the whole run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest

from infra.embedded.postgres import Postgres
from infra.postgres.migrations import upgrade
from tests.harness.kafka import Kafka, NoKafka, in_container, jars
from tests.harness.postgres import FAST, execute, started_postgres


@dataclass(frozen=True)
class Broker:
    """Where the broker of the run is."""

    bootstrap: str


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Real Apache Kafka: the address in FASTLAKARE_TEST_KAFKA, else a container, else the jars that Maven resolves."""
    address = os.environ.get("FASTLAKARE_TEST_KAFKA")
    if address:
        yield Broker(address)
        return
    with suppress(NoKafka):
        container, address = in_container()
        yield Broker(address)
        container.stop()
        return
    try:
        broker = Kafka(tmp_path_factory.mktemp("kafka") / "node")
        broker.start()
    except NoKafka as error:
        unavailable(str(error))
    yield Broker(broker.bootstrap)
    broker.stop()


@pytest.fixture
def kafka_jars() -> None:
    """For tests that break a broker of their own: those of a container, or of somebody else, they may not."""
    try:
        jars()
    except NoKafka as error:
        unavailable(str(error))


def unavailable(why: str) -> None:
    """A skip on a laptop; on CI whatever is missing is a failure."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL with the service's schema in the database `template_fastlakare`."""
    with (
        TemporaryDirectory(prefix="fastlakare-test-") as folder,  # not pytest's own, which it closes to other users
        started_postgres(Path(folder) / "postgres", FAST) as server,
    ):
        execute(server.url(), "CREATE DATABASE template_fastlakare")
        upgrade(server.url("template_fastlakare"))
        yield server


@pytest.fixture
def database_url(postgres: Postgres) -> Iterator[str]:
    """An empty database."""
    with database(postgres, "template1") as url:
        yield url


@pytest.fixture
def migrated_url(postgres: Postgres) -> Iterator[str]:
    """A database with the service's schema and nothing in it."""
    with database(postgres, "template_fastlakare") as url:
        yield url


@pytest.fixture
def topic_prefix() -> str:
    """A prefix that no other test has."""
    return f"t{uuid4().hex[:10]}."


@contextmanager
def database(server: Postgres, template: str) -> Iterator[str]:
    """A database of its own for one test."""
    name = f"t_{uuid4().hex[:10]}"
    execute(server.url(), f"CREATE DATABASE {name} TEMPLATE {template}")
    yield server.url(name)
    execute(server.url(), f"DROP DATABASE {name} WITH (FORCE)")
