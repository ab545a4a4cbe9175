"""Fuzzed records through the running service: each ends once, and the stream goes on. `make fuzz` is the long run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fuzz.report import Report
from tests.fuzz.service import Service
from tests.harness.installation import Installation
from tests.harness.seeds import seeds

pytestmark = pytest.mark.system

RECORDS = 2_500


@pytest.mark.parametrize("seed", seeds(1))
def test_every_record_ends_once_and_the_service_goes_on(
    kafka: Any, migrated_url: str, topic_prefix: str, tmp_path: Path, seed: int
) -> None:
    installation = Installation(kafka.bootstrap, migrated_url, topic_prefix, tmp_path)
    report = Report(seed)
    try:
        installation.prepare(migrate=False)
        installation.start(1)
        service = Service(installation, report)
        service.run(RECORDS)
    finally:
        installation.stop()

    assert not report.findings.lines(), "\n".join(report.findings.lines())
    assert report.records + service.refused().total() == RECORDS
    assert service.refused().total() < RECORDS / 50
    assert report.outcomes.total() == report.records
