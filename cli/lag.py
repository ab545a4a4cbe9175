"""`fastlakare lag`: measuring once, or until the backlog is empty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.terminal import EXIT_DIFFERENCES, Json, print_json, quiet_settings, run

if TYPE_CHECKING:
    from infra.settings import Settings
    from workers.operations.lag import Lag


def lag(
    json: Json = False,
    wait: Annotated[
        float | None,
        typer.Option("--wait", min=0, metavar="SECONDS", help="Wait until nothing is behind, for so long at most."),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Measure again and again, with rates, until Ctrl-C.")] = False,
) -> None:
    """Show how far behind the installation is.

    Per input topic the records not yet handled (those behind an open transaction of its senders included), the events
    not yet acknowledged by Kafka, the doctors whose figures wait to be published, and whether the day's own work is
    still going on. --wait returns as soon as all of it is zero, and rides out servers that are away meanwhile.

    --watch tells by topic how many records come and are handled a second, when none will be left, how old the oldest
    is, which partition is worst and what leaves retention when; a service need not run. Without a terminal it prints a
    line every five seconds, with --json a document a line every two.

    \b
    Example:     fastlakare lag --json --wait 60
                 fastlakare lag --watch
    Exit codes:  0 success (with --wait: nothing is behind), 1 lag remains, 2 usage error or server unreachable
    """
    if watch and wait is not None:
        raise typer.BadParameter("--watch and --wait exclude each other")
    settings = quiet_settings(("database", "kafka"))
    if watch:
        from cli.watch import watch as watch_until_ctrl_c

        run(watch_until_ctrl_c(settings, json=json))
        return
    from cli import tables
    from workers.operations.lag import measure_once

    found = run(measure_once(settings) if wait is None else _wait_until_zero(settings, wait))
    if json:
        print_json(found.as_json())
    else:
        tables.lag(found)
    if wait is not None and not found.none:
        raise typer.Exit(EXIT_DIFFERENCES)


async def _wait_until_zero(settings: Settings, seconds: float) -> Lag:
    from rich.console import Console
    from rich.markup import escape

    from workers.operations.lag import wait_until_zero

    with Console(stderr=True).status("measuring", spinner="dots") as status:
        return await wait_until_zero(
            settings, seconds, lambda found: status.update(escape(found if isinstance(found, str) else _words(found)))
        )


def _words(lag: Lag) -> str:
    waiting = [f"{topic} {_count(topic, lag)}" for topic, count in lag.inputs.items() if count]
    waiting += [f"{what} {count}" for what, count in (("outbox", lag.outbox), ("figures", lag.figures)) if count]
    if lag.working:
        waiting.append("the day's own work")
    return "waiting for " + ", ".join(waiting)


def _count(topic: str, lag: Lag) -> str:
    behind = lag.behind_open_transaction.get(topic, 0)
    return f"{lag.inputs[topic]}" + (f" ({behind} behind an open transaction of its senders)" if behind else "")
