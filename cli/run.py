"""`fastlakare run`: the service."""

from __future__ import annotations

import os
from socket import gethostname
from typing import Annotated

import typer

from cli.terminal import EXIT_DIFFERENCES
from cli.terminal import run as run_until_complete


def run(
    only: Annotated[
        str | None,
        typer.Option("--only", metavar="NAME,...", help="Some of: staff, unit, listing, command, clock, relay."),
    ] = None,
) -> None:
    """Run the service until it is told to stop.

    All workers and the relay in one process, unless --only names some. Start it as many times as there is work for:
    the processes share the partitions, and one relay leads. Waits for Kafka and the database when they are away, and
    ends at anything unforeseen: whatever runs it starts it again.

    \b
    Example:     fastlakare run --only listing,relay
    Exit codes:  0 told to stop, 1 ended by an error (in the log), 2 usage error or wrong settings,
                 3 rights, schema or topics are not as they must be
    """
    from workers.routes import WORKERS

    names = frozenset(name.strip() for name in only.split(",")) if only is not None else frozenset(WORKERS)
    if not names <= set(WORKERS):
        raise typer.BadParameter(f"--only takes some of {', '.join(WORKERS)}")
    from infra.foreign_errors import is_settings_error
    from infra.logs import configure, log
    from infra.settings import Settings

    settings = Settings.load()
    configure(settings.log_format, instance=settings.instance_id or f"{gethostname()}:{os.getpid()}")
    from workers.service import serve

    try:
        code = run_until_complete(serve(settings, names))
    except Exception as error:
        if is_settings_error(error):
            raise
        log.critical("fatal error", exc_info=True)
        raise typer.Exit(EXIT_DIFFERENCES) from None
    raise typer.Exit(code)
