"""A short supervisor; `make chaos` lets one blow for as long as you like."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.supervisor import Supervisor, started_testbed

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("kafka_jars")]


def test_in_a_short_chaos_run_nothing_is_lost_doubled_or_out_of_order(tmp_path: Path) -> None:
    with started_testbed(tmp_path) as ready:
        supervisor = Supervisor(ready, 7, lambda _: None)
        supervisor.run(20)
        report = supervisor.judge()
    assert report.faults == [], "\n".join(report.faults[:20])
    assert report.delivery.balanced, report.delivery
    assert min(report.delivery.expected, report.injected.total()) > 0
