"""`fastlakare runs`: what operators have begun, and how to stop it and go on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from cli.terminal import Json, print_json, quiet_settings, run

if TYPE_CHECKING:
    import asyncpg

    from infra.postgres.runs import State

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
Detach = Annotated[bool, typer.Option("--detach", help="Leave the work to the service, and return at once.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The run, as `fastlakare runs list` shows it.")]
_NEWEST = 100


@app.callback()
def runs() -> None:
    """List, show, pause, resume and cancel what operators have had judged or said again.

    A run is one replay, reconcile or republish of a topic: what was selected, why and by whom, how far it is and what
    came of it. It can be killed anywhere and goes on where it was; no record is judged twice by one run.

    \b
    Example:     fastlakare runs list
                 fastlakare runs resume 2026-11-27-kzqwtb
    Exit codes:  those of each command: fastlakare runs list --help
    """


@app.command("list")
def list_runs(json: Json = False) -> None:
    """List the newest runs, the newest first.

    \b
    Example:     fastlakare runs list --json
    Exit codes:  0 success, 2 usage error or database unreachable
    """
    from cli.runs import screen
    from infra.postgres.runs import read_newest
    from workers.operations.report import run_json

    found = run(_with_database(lambda pg: read_newest(pg, _NEWEST)))
    if json:
        print_json({"runs": [run_json(one) for one in found]})
    elif found:
        screen.listed(found)
    else:
        typer.echo("there are no runs")


@app.command()
def show(id: Id, json: Json = False) -> None:
    """Show one run: its selection, how far it is in each partition, and what came of it.

    \b
    Example:     fastlakare runs show 2026-11-27-kzqwtb
    Exit codes:  0 success, 2 no such run, usage error or database unreachable
    """
    from cli.runs import screen
    from infra.postgres.plans import read_differing
    from infra.postgres.runs import read
    from workers.operations.planning import MOST_LISTED
    from workers.operations.report import report_of, run_json
    from workers.operations.runs import no_such_run

    found = run(_with_database(lambda pg: read(pg, id)))
    if found is None:
        raise typer.BadParameter(no_such_run())
    shown, parts = found
    differs = run(_with_database(lambda pg: read_differing(pg, id, MOST_LISTED)))
    report = report_of(shown, parts, differs=differs)
    if json:
        print_json({**run_json(shown), **report.as_json()})
    else:
        screen.shown(shown, report)


@app.command()
def pause(id: Id, json: Json = False) -> None:
    """Pause a run after its current transaction; it stays paused until somebody resumes it.

    \b
    Example:     fastlakare runs pause 2026-11-27-kzqwtb
    Exit codes:  0 it is paused, 1 it was not running, 2 no such run, usage error or database unreachable
    """
    _set_state(id, "paused", ("running",), json=json)


@app.command()
def cancel(id: Id, json: Json = False) -> None:
    """Cancel a run after its current transaction. What it has done stays; it cannot be resumed.

    \b
    Example:     fastlakare runs cancel 2026-11-27-kzqwtb
    Exit codes:  0 it is cancelled, 1 it was over before, 2 no such run, usage error or database unreachable
    """
    _set_state(id, "cancelled", ("planned", "running", "paused", "failed"), json=json)


@app.command()
def resume(id: Id, detach: Detach = False, json: Json = False) -> None:
    """Go on with a run that was paused, killed or has failed, from where it stopped.

    --detach leaves the rest to the service: any of its processes works it off.

    \b
    Example:     fastlakare runs resume 2026-11-27-kzqwtb
    Exit codes:  0 done, 1 it stopped again, 2 nothing to resume, usage error or a server unreachable
    """
    if detach:
        _hand_over(id)
        return
    settings = quiet_settings()
    from cli.runs import screen, work
    from infra.errors import UnusableSelection

    try:
        done = run(work.resume(settings, id))
    except UnusableSelection as error:
        raise typer.BadParameter(str(error)) from None
    if json:
        print_json(done.as_json())
    else:
        screen.report(done)
    raise typer.Exit(work.exit_code(done))


def _hand_over(id: str) -> None:
    from infra.postgres.runs import hand_over

    if not run(_with_database(lambda pg: hand_over(pg, id))):
        raise typer.BadParameter("no run of that id can be left to the service: it is over, or being worked on")
    typer.echo(f"run {id} is left to the service; `fastlakare runs show {id}` tells how far it is")


def _set_state(id: str, state: State, before: tuple[State, ...], *, json: bool) -> None:
    from cli.terminal import EXIT_DIFFERENCES
    from infra.postgres.runs import read, set_state
    from workers.operations.runs import no_such_run

    async def change(pg: asyncpg.Connection) -> tuple[bool, State | None]:
        done = await set_state(pg, id, state, before)
        found = await read(pg, id)
        return done, None if found is None else found[0].state

    done, now = run(_with_database(change))
    if now is None:
        raise typer.BadParameter(no_such_run())
    if json:
        print_json({"run": id, "state": now})
    else:
        typer.echo(f"run {id} is {now}")
    if not done:
        raise typer.Exit(EXIT_DIFFERENCES)


async def _with_database(work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
    from infra.postgres import migrations
    from infra.postgres.connection import checkout, create_engine

    engine = create_engine(quiet_settings(("database",)), pool_size=1, application_name="fastlakare runs")
    try:
        async with checkout(engine) as pg:
            await migrations.check(pg)
            return await work(pg)
    finally:
        await engine.dispose()
