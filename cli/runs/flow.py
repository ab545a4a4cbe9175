"""The way of every command that begins runs: preview, question, work, result (O1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import typer

from cli.confirm import Confirmation, operator
from cli.runs import screen, work
from cli.terminal import judging, print_json, run
from infra.settings import Settings
from workers.operations.report import Report
from workers.operations.runs import Work


@dataclass(frozen=True)
class Flow:
    """How a command was called; `document` makes the one JSON document of what its runs did, or would do."""

    settings: Settings
    command: str
    question: str
    confirmed: Confirmation
    records_per_second: int | None
    detach: bool
    json: bool
    document: Callable[[Sequence[Report]], Any]

    @property
    def by(self) -> str:
        """Who runs the command."""
        return operator(self.settings.operator)

    def __call__(self, works: Sequence[Work]) -> list[Report]:
        """What the runs did. The command ends here where nothing was confirmed, or what was asked for cannot be
        done."""
        with judging():
            for one in works:
                _ = one.route
            frozen = [None] * len(works) if self.confirmed.yes else self._preview(works)
            reason = self.confirmed.reason_to_go_on(self.question)
            return [
                run(
                    work.begin(
                        self.settings,
                        one,
                        self.command,
                        parts,
                        reason=reason,
                        actor=self.by,
                        records_per_second=self.records_per_second,
                        detached=self.detach,
                    )
                )
                for one, parts in zip(works, frozen, strict=True)
            ]

    def _preview(self, works: Sequence[Work]) -> list[Any]:
        found = [run(work.freeze_and_preview(self.settings, one, self.command)) for one in works]
        reports = [report for _, report in found]
        if self.json and not self.confirmed.asks:
            print_json(self.document(reports))
        else:
            for report in reports:
                screen.report(report, to_stderr=self.json)
        return [parts for parts, _ in found]

    def show(self, reports: Sequence[Report]) -> None:
        """Prints what the runs did."""
        if self.json:
            print_json(self.document(reports))
        else:
            show(reports, detached=self.detach)


def show(reports: Iterable[Report], *, detached: bool) -> None:
    """Prints what runs did, or that they are left to the service."""
    for report in reports:
        if detached:
            typer.echo(
                f"run {report.run} is left to the service; `fastlakare runs show {report.run}` tells how far it is"
            )
        else:
            screen.report(report)


def exit_code(reports: Sequence[Report]) -> int:
    """That of the run that went worst."""
    return max(map(work.exit_code, reports), default=0)
