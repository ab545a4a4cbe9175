"""Verifies the installation now and then beside its work (`VERIFY_EVERY`), and tells Prometheus what was found
(operations.md, Verify)."""

from __future__ import annotations

import time

from sqlalchemy.ext.asyncio import AsyncEngine

from infra import metrics
from infra.failures import failure_reason
from infra.foreign_errors import explain
from infra.logs import log
from infra.settings import Settings
from workers.operations.verify import verify


class Verification:
    """A duty of the relay's leader. A verification that fails says so and is tried again at its next time: it may end
    nobody's term."""

    component = "verification"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.every = settings.verify_every

    async def begin(self, engine: AsyncEngine) -> None:
        """Nothing to do when a term begins."""

    async def __call__(self, engine: AsyncEngine) -> None:
        """Runs every check."""
        began = time.monotonic()
        try:
            report = await verify(self._settings, engine)
        except Exception as error:  # noqa: BLE001  # whatever it is: the relay goes on
            log.warning("verification failed", why=explain(error) or failure_reason(error).detail)
            return
        seconds = round(time.monotonic() - began, 1)
        metrics.verify_differences.set(report.total)
        metrics.verify_last_success.set_to_current_time()
        compared = sum(result.compared for result in report.checks.values())
        if report.total:
            found = {name: result.differences for name, result in report.checks.items() if result.differences}
            log.error("differences found", differences=report.total, checks=found, seconds=seconds)
        else:
            log.info("verified", compared=compared, seconds=seconds)
