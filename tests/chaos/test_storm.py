"""A short storm; `make chaos` lets one blow for as long as you like."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.storm import Storm, stage

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("kafka_jars")]


def test_in_a_short_storm_nothing_is_lost_doubled_or_out_of_order(tmp_path: Path) -> None:
    with stage(tmp_path) as ready:
        storm = Storm(ready, 7, lambda _: None)
        storm.blow(20)
        report = storm.judge()
    assert report.faults == [], "\n".join(report.faults[:20])
    assert report.ledger.balanced, report.ledger
    assert min(report.ledger.expected, report.troubles.total()) > 0
