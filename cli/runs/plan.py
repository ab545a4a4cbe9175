"""`--plan` and `--apply`: a preview that is kept, and carrying out exactly that (R7)."""

from __future__ import annotations

from dataclasses import replace

import typer

from cli.runs import screen, work
from cli.runs.flow import Flow
from cli.terminal import EXIT_DIFFERENCES, judging, print_json, run
from workers.operations.report import Report
from workers.operations.runs import Work


def make(flow: Flow, planned: Work) -> None:
    """Keeps the preview of what is asked for, and shows it."""
    with judging():
        _ = planned.route
        report = run(
            work.plan(flow.settings, planned, flow.command, reason=flow.confirmed.reason or "a plan", actor=flow.by)
        )
    if flow.json:
        print_json(flow.document([report]))
        return
    screen.report(replace(report, run=None, state=None))
    typer.echo(f"To do exactly this:  fastlakare replay {report.topic} --apply {report.run} --yes --reason TEXT")


def apply(flow: Flow, topic: str, id: str) -> None:
    """Carries a plan out: what is decided as planned is done, and the rest is listed and left alone (exit 1)."""
    with judging():
        if not flow.confirmed.yes:
            preview = run(work.rehearse_plan(flow.settings, topic, id))
            if flow.json and not flow.confirmed.asks:
                print_json(flow.document([preview]))
            else:
                _show(preview, to_stderr=flow.json)
        reason = flow.confirmed.reason_to_go_on("Carry this plan out?")
        done = run(
            work.apply(
                flow.settings,
                topic,
                id,
                reason=reason,
                actor=flow.by,
                records_per_second=flow.records_per_second,
                detached=flow.detach,
            )
        )
    if flow.json or flow.detach:
        flow.show([done])
    else:
        _show(done)
    raise typer.Exit(EXIT_DIFFERENCES if done.differs else work.exit_code(done))


def _show(report: Report, *, to_stderr: bool = False) -> None:
    screen.report(report, to_stderr=to_stderr)
    if report.differs:
        places = ", ".join(f"{place.partition}/{place.offset}" for place in report.differs[:20])
        more = f" and {len(report.differs) - 20} more" if len(report.differs) > 20 else ""
        typer.echo(
            f"On {len(report.differs)} records something else is decided by now; they are left alone: {places}{more}",
            err=to_stderr,
        )
