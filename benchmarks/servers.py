"""Real Kafka and PostgreSQL for a benchmark, as in production but on one machine: fsync on, one broker."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.embedded.postgres import Postgres
from tests.harness.installation import Installation
from tests.harness.kafka import Kafka

POSTGRES = {
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "2GB",
    "max_wal_size": "8GB",
    "max_connections": "100",
}


@dataclass(frozen=True)
class Servers:
    """Both servers, and a folder for what processes write."""

    kafka: Kafka
    postgres: Postgres
    folder: Path

    def installation(self, name: str, **extra: str) -> Installation:
        """A new installation with 12 partitions, its own database and topics; `extra` are FASTLAKARE_ settings."""
        folder = self.folder / name
        folder.mkdir()
        url = self.postgres.url(name)
        settings = {"DOCTOR_FIGURES_EVERY": "60", **extra}
        return Installation(self.kafka.bootstrap, url, f"{name}.", folder, partitions=12, extra=settings)


@contextmanager
def servers() -> Iterator[Servers]:
    """Starts both in a temporary folder, and stops them."""
    with tempfile.TemporaryDirectory(prefix="fastlakare-bench-") as path:
        folder = Path(path)
        kafka = Kafka(folder / "kafka", heap="1g")
        postgres = Postgres(folder / "postgres", POSTGRES)
        kafka.start()
        postgres.start()
        try:
            yield Servers(kafka, postgres, folder)
        finally:
            kafka.kill()
            postgres.stop("immediate")
