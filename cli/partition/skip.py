"""`fastlakare partition skip`: a partition that stopped goes on behind what is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.confirm import Confirmation, DryRun, Reason, Yes, complain, confirmation, provenance
from cli.terminal import EXIT_DIFFERENCES, Json, print_json, quiet_settings, run

if TYPE_CHECKING:
    from infra.settings import Settings
    from workers.operations.partitions import InputPartition, Place
    from workers.operations.session import Session


def skip(
    place: Annotated[str, typer.Argument(metavar="TOPIC/P", help="The partition, as `partition show` names it.")],
    dry_run: DryRun = False,
    yes: Yes = False,
    reason: Reason = None,
    json: Json = False,
) -> None:
    """Have a partition that stopped go on behind what is lost.

    It shows which offsets were lost and moves the partition on: to the earliest offset there is, or behind what is
    damaged. No process may hold the partition meanwhile, so stop those that read the topic first. Going on loses
    nothing that is still there: a fact that was handled is stale or unchanged, a command gets the same reply again. Ask
    the sender for what was lost. Where nothing stopped it there is nothing to do.

    \b
    Example:     fastlakare partition skip vardval.listing.v1/3 --dry-run
                 fastlakare partition skip vardval.listing.v1/3 --yes --reason "vardval sends all again, case 17"
    Exit codes:  0 done or previewed, or nothing to do, 1 refused: a process holds it, or nothing behind it can be read,
                 2 usage error, not confirmed, or a server unreachable
    """
    how = confirmation(dry_run=dry_run, yes=yes, reason=reason)
    settings = quiet_settings()
    from infra.errors import UnusableSelection
    from workers.operations import partitions

    try:
        run(_skip(settings, partitions.read_place(place, settings.topic_prefix), how, json=json))
    except UnusableSelection as error:
        raise typer.BadParameter(str(error), param_hint="TOPIC/P") from None


async def _skip(settings: Settings, place: Place, how: Confirmation, *, json: bool) -> None:
    from workers.operations import partitions
    from workers.operations.session import connect

    async with connect(settings, "partition skip") as session:
        (found,) = await partitions.look(session, place)
        if found.stopped is None:
            _tell_nothing_to_do(found, how, json=json)
            return
        if not how.yes:
            _preview(found, how, json=json)
            if how.asks:
                _require_possible(found, json=json)
        reason = how.reason_to_go_on(f"Go on {_where(found)}?")
        if not how.yes:
            (found,) = await partitions.look(session, place)  # time has passed since it was shown
        _require_possible(found, json=json)
        await _do(session, found, provenance(settings, reason), json=json)


async def _do(session: Session, found: InputPartition, by: Any, *, json: bool) -> None:
    from workers.operations import partitions

    if found.stopped is None or not await partitions.skip(session, found, by):
        _refuse(found, "it stands elsewhere by now: a process has had it meanwhile", json=json)
    elif json:
        print_json(_document(found, run=by.run))
    else:
        typer.echo(f"{found.topic}/{found.partition} goes on {_where(found)}, run {by.run}")
        typer.echo("start the processes again, and ask the sender for what was lost")


def _preview(found: InputPartition, how: Confirmation, *, json: bool) -> None:
    from cli.partition import screen

    if json and not how.asks:
        print_json(_document(found, dry_run=True))
        return
    screen.stopped(found, err=json)
    if found.held_by:
        typer.echo(f"it would be refused now: {screen.held(found)}", err=json)
    else:
        typer.echo(f"it would go on {_where(found)}", err=json)


def _require_possible(found: InputPartition, *, json: bool) -> None:
    """Ends the command (exit 1) where the partition cannot be moved on now."""
    from cli.partition import screen

    if found.held_by:
        _refuse(found, screen.held(found), json=json)
    if found.stopped is not None and found.stopped.why == "unreadable" and found.stopped.to is None:
        _refuse(found, "nothing tells how far the damage goes, so nobody knows where to go on", json=json)


def _refuse(found: InputPartition, why: str, *, json: bool) -> None:
    if json:
        print_json(_document(found, refused=why))
    complain(f"refused, nothing was changed: {why}")
    raise typer.Exit(EXIT_DIFFERENCES)


def _tell_nothing_to_do(found: InputPartition, how: Confirmation, *, json: bool) -> None:
    if json:
        print_json(_document(found, dry_run=how.dry_run))
        return
    typer.echo(f"{found.topic}/{found.partition}: nothing is lost, nothing to do")
    if found.guarded:
        typer.echo("a release must not go on with it: `fastlakare dlq release-guard --dry-run` says why")


def _where(found: InputPartition) -> str:
    if found.stopped is None or found.stopped.to is None:
        return f"at the earliest offset there is, now {found.ends.begin}"
    return f"at offset {found.stopped.to}"


def _document(
    found: InputPartition, *, dry_run: bool = False, run: str | None = None, refused: str | None = None
) -> dict[str, Any]:
    return {"operation": "partition skip", "dry_run": dry_run, "run": run, "refused": refused, **found.as_json()}
