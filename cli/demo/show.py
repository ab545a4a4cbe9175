"""The command itself: sets the stage, plays the acts, holds 1177 against the database, and takes everything down."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack, suppress
from time import monotonic

import typer

from cli.demo.acts import ACTS
from cli.demo.installation import installation
from cli.demo.listener import Listener
from cli.demo.region import region
from cli.demo.screen import Screen, number, short
from cli.demo.stage import Stage
from cli.demo.upstream import Upstream
from cli.terminal import EXIT_DIFFERENCES
from infra import timing
from infra.embedded.broker import PARTITIONS
from infra.errors import ServiceEnded
from infra.postgres.verification import told_in_all
from workers.operations.verification.told import differences

_INTERRUPTED = 130
_SHOWN_DIFFERENCES = 10


def show(keep: bool) -> None:
    """Plays it; ends with typer.Exit where something did not come out as it should. `keep`: goes on until Ctrl-C."""
    try:
        good = asyncio.run(_until_signal(keep))
    except (KeyboardInterrupt, asyncio.CancelledError):
        typer.echo("\nstopped; everything that was started is gone again")
        raise typer.Exit(_INTERRUPTED) from None
    if not good:
        raise typer.Exit(EXIT_DIFFERENCES)


async def _until_signal(keep: bool) -> bool:
    """SIGTERM ends it as Ctrl-C does: through every `finally`."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await _show(keep)


async def _show(keep: bool) -> bool:
    screen, began, made_up = Screen(), monotonic(), region()
    screen.title(
        "fast läkarkontakt",
        "A made-up region on a Kafka broker and a PostgreSQL that live only as long as this does.",
        "[in →] is what goes in over Kafka, [1177 ←] what 1177 hears, [out ←] what others hear.",
        "Patients are told apart by the first letters of their key: no personnummer is shown anywhere.",
    )
    try:
        async with AsyncExitStack() as stack:
            with screen.waiting("starting PostgreSQL, a Kafka broker and `fastlakare run` …"):
                running, database = await stack.enter_async_context(installation())
                listener = await stack.enter_async_context(Listener(running.bootstrap, PARTITIONS))
                upstream = await stack.enter_async_context(Upstream(running.bootstrap))
            screen.note(f"PostgreSQL, a Kafka broker and `fastlakare run` are up after {monotonic() - began:.1f} s")
            stage = Stage(screen, made_up, upstream, listener, running, database)
            for title, act in ACTS:
                screen.act(title)
                await act(stage)
            good = await _compare(stage, monotonic() - began)
            if keep:
                await _keep(stage)
            return good
    except (ServiceEnded, TimeoutError) as error:
        screen.verdict(False, f"the service did not do its part: {error or 'no answer in time'}")
        return False


async def _compare(stage: Stage, seconds: float) -> bool:
    """Says in numbers whether 1177 knows what the database holds."""
    stage.screen.act("What 1177 knows, held against the database")
    await stage.settled()
    held, patients = await told_in_all(stage.database)
    newest = stage.listener.newest
    found = [
        (key, what)
        for key in sorted(newest.keys() | held.keys())
        for what in differences(newest.get(key), held.get(key))
    ]
    links = sum(one.status == "active" for one in held.values())
    stage.screen.figures(
        [
            ("records sent in", number(stage.upstream.sent)),
            ("records heard by 1177", number(stage.listener.events_read)),
            ("  of them doubled, missing or out of order", number(stage.listener.out_of_order)),
            ("patients in the database", number(patients)),
            ("patients 1177 was ever told of", number(len(newest))),
            ("links in the database", number(links)),
            ("links 1177 shows", number(sum(one.status == "active" for one in newest.values()))),
            ("differences", number(len(found))),
        ]
    )
    for key, what in found[:_SHOWN_DIFFERENCES]:
        stage.screen.note(f"{short(key)} {what}")
    good = not found and not stage.listener.out_of_order
    verdict = "1177 knows exactly what the database holds" if good else "1177 and the database differ"
    stage.screen.verdict(
        good,
        f"{verdict}: {number(stage.listener.events_read)} records, {number(patients)} patients, "
        f"{number(links)} links, {number(len(found))} differences ({seconds:.0f} s)",
    )
    return good


async def _keep(stage: Stage) -> None:
    """Goes on until Ctrl-C."""
    running = stage.installation
    stage.screen.addresses(
        {"Kafka": running.bootstrap, "database": running.database_url, "HTTP": f"{running.http}/lag  /metrics  /readyz"}
    )
    with suppress(asyncio.CancelledError), stage.screen.waiting("it goes on; Ctrl-C stops and removes it all") as line:
        while True:
            behind = await running.behind()
            line.update(
                f"1177 has heard {number(stage.listener.events_read)}, {behind} to do; Ctrl-C stops and removes it all"
            )
            await asyncio.sleep(timing.DEMO_KEEP_SECONDS)
