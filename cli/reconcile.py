"""`fastlakare reconcile`: what the fact topics say is held against what the database holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.confirm import DryRun, Reason, Yes, confirmation, operator
from cli.runs.command import Detach
from cli.runs.options import Rate, records_per_second
from cli.terminal import EXIT_DIFFERENCES, Json, print_json, quiet_settings, run

if TYPE_CHECKING:
    from infra.settings import Settings
    from workers.operations.reconciliation.findings import Finding
    from workers.operations.reconciliation.work import Reconcile
    from workers.operations.report import Report

_WHATS = ("staff", "unit", "listing")


def reconcile(
    what: Annotated[
        list[str] | None, typer.Argument(metavar="[staff] [unit] [listing]", help="Which topics; none: all three.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(metavar="FILE.jsonl", help="A dump from the source system in place of the topic: a state a line."),
    ] = None,
    rate: Rate = "auto",
    dry_run: DryRun = False,
    yes: Yes = False,
    reason: Reason = None,
    detach: Detach = False,
    json: Json = False,
) -> None:
    """Hold the fact topics against the database, and put right what is not held as it should be.

    Of each person, unit and patient the newest record of the topic (or line of a dump) is compared with what is held:
    equal, missing (not held), older (held with a lower version), different (same version, other content), newer (held
    with a higher version than the topic has) or extra (held, not in the topic). Records that the service has not
    handled yet are no difference (V1). With --yes what is missing, older or different is judged by the same rules as
    any record, in one run for each topic, beside the service; newer and extra are never touched (V3).

    \b
    Example:     fastlakare reconcile --dry-run
                 fastlakare reconcile listing --yes --reason "restored from yesterday's backup"
                 fastlakare reconcile staff --file kiv-dump.jsonl --dry-run
    Exit codes:  0 nothing is missing, older or different, or it was put right, 1 something is, or a run stopped,
                 2 usage error, not confirmed, or a server unreachable
    """
    confirmed = confirmation(dry_run=dry_run, yes=yes, reason=reason)
    speed = records_per_second(rate)
    works = _works(what or [], file, detach=detach)
    settings = quiet_settings()
    from cli.runs.flow import exit_code, show
    from cli.terminal import judging
    from workers.operations.reconciliation.findings import document

    with judging():
        found = run(_compare(settings, works, rehearse=not yes))
    differences, dead = sum(one.differences for one in found), any(one.dead for one in found)
    if not yes:
        asks = confirmed.asks and differences > 0
        if json and not asks:
            print_json(document(found, {}))
        else:
            _show(found, to_stderr=json)
        if dry_run or not differences:
            raise typer.Exit(EXIT_DIFFERENCES if differences or dead else 0)
    why = confirmed.reason_to_go_on("Judge these records again?")
    done = _carry_out(settings, found, why, speed, detach=detach)
    if json:
        print_json(document(found, done))
    else:
        if yes:
            _show(found, to_stderr=False)
        show(done.values(), detached=detach)
    dead = dead or any(report.tally.outcomes["dead"] for report in done.values())
    raise typer.Exit(EXIT_DIFFERENCES if dead else exit_code(list(done.values())))


def _works(what: list[str], file: Path | None, *, detach: bool) -> list[Reconcile]:
    """Exit 2 for what is no topic, and a file that cannot be meant."""
    if [name for name in what if name not in _WHATS]:
        raise typer.BadParameter(f"choose of {', '.join(_WHATS)}")
    from handlers.redaction import contains_patient_id
    from infra.errors import UnusableSelection
    from workers.operations.reconciliation.dump import open_dump
    from workers.operations.reconciliation.work import Reconcile

    if file is None:
        return [Reconcile(name) for name in _WHATS if name in what or not what]
    if len(set(what)) != 1:
        raise typer.BadParameter("--file: say of what: exactly one of staff, unit and listing")
    if detach:
        raise typer.BadParameter("--file: the service cannot read it, so --detach is not possible")
    if contains_patient_id(str(file)):
        raise typer.BadParameter("--file: should not hold a personnummer in its name")
    try:
        return [open_dump(what[0], file, datetime.now(UTC))]
    except UnusableSelection as error:
        raise typer.BadParameter(str(error)) from None


async def _compare(settings: Settings, works: Sequence[Reconcile], *, rehearse: bool) -> list[Finding]:
    from cli.runs import screen
    from workers.operations.reconciliation.compare import compare
    from workers.operations.report import Progress
    from workers.operations.session import connect

    async with connect(settings, "reconcile") as session:
        progress = Progress({})
        with screen.progress(progress, "compare"):
            return await compare(session, works, progress, rehearse=rehearse)


def _carry_out(
    settings: Settings, found: Sequence[Finding], reason: str, speed: int | None, *, detach: bool
) -> dict[str, Report]:
    """A run for each topic that something differs in."""
    from cli.runs import work

    by = operator(settings.operator)
    return {
        one.what: run(
            work.begin(
                settings,
                one.work,
                "reconcile",
                None,
                reason=reason,
                actor=by,
                records_per_second=speed,
                detached=detach,
            )
        )
        for one in found
        if one.differences
    }


def _show(found: Sequence[Finding], *, to_stderr: bool) -> None:
    """Prints counts by kind, examples, and what a run would do."""
    from cli.runs import screen

    for one in found:
        counts = ", ".join(f"{kind} {number}" for kind, number in one.counts_json().items() if number)
        typer.echo(f"{one.what:10}{counts or 'nothing is held, and nothing was said'}", err=to_stderr)
        for example in one.examples:
            place = "" if example.place is None else f", offset {example.place.partition}/{example.place.offset}"
            versions = f"version {example.version or '-'}, held {example.held_version or '-'}"
            typer.echo(f"{'':10}{example.kind} {example.key}: {versions}{place}", err=to_stderr)
    for one in found:
        if one.report is not None and one.differences:
            screen.report(one.report, to_stderr=to_stderr)
