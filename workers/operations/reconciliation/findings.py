"""What a reconcile found: by topic how many are equal and how many differ, with examples (V2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workers.operations.reconciliation.comparison import DIFFERENCES, KINDS, Example
from workers.operations.reconciliation.work import Reconcile
from workers.operations.report import Report


@dataclass(frozen=True)
class Finding:
    """Of one topic. `work` is what would put it right; `report` what that would do, where it was
    rehearsed."""

    what: str
    counts: Mapping[str, int]
    examples: Sequence[Example]
    work: Reconcile
    report: Report | None

    @property
    def differences(self) -> int:
        """How many are missing, older or different."""
        return sum(self.counts.get(kind, 0) for kind in DIFFERENCES)

    @property
    def dead(self) -> int:
        """On how many the handlers fail, which no run puts right."""
        return self.counts.get("dead", 0)

    def counts_json(self) -> dict[str, int]:
        """All kinds; `dead` only where there are any: the handlers fail on them."""
        return {kind: self.counts.get(kind, 0) for kind in KINDS} | ({"dead": self.dead} if self.dead else {})


def document(findings: Sequence[Finding], done: Mapping[str, Report]) -> dict[str, Any]:
    """The shape that operations.md promises; `done` are the reports of the runs, by topic."""
    ids = [report.run for report in done.values()]
    reports = {found.what: done.get(found.what, found.report) for found in findings}
    return {
        "run": ids[0] if len(ids) == 1 else None,
        "dry_run": not ids,
        **{found.what: found.counts_json() for found in findings},
        "examples": [example.as_json() for found in findings for example in found.examples],
        "runs": {what: report.as_json() for what, report in reports.items() if report is not None},
    }
