"""`fastlakare partition show`: where every input partition stands, and what stopped it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from cli.terminal import EXIT_DIFFERENCES, Json, print_json, quiet_settings, run

if TYPE_CHECKING:
    from infra.settings import Settings
    from workers.operations.partitions import InputPartition


def show(json: Json = False) -> None:
    """Show where every input partition stands, what stopped it if anything, and which process holds it.

    Position is the next offset to be handled, begin the log's earliest offset, end where its next record will stand;
    held by are the hosts of the processes that have the partition. It works with and without a running service, joins
    no consumer group and writes nothing.

    \b
    Example:     fastlakare partition show --json
    Exit codes:  0 every partition goes on, 1 one has stopped, 2 usage error or server unreachable
    """
    settings = quiet_settings()
    found = run(_look(settings))
    if json:
        print_json({"partitions": [one.as_json() for one in found]})
    else:
        from cli.partition import screen

        screen.partitions(found)
    if not all(one.goes_on for one in found):
        raise typer.Exit(EXIT_DIFFERENCES)


async def _look(settings: Settings) -> list[InputPartition]:
    from workers.operations import partitions
    from workers.operations.session import connect

    async with connect(settings, "partition show") as session:
        return await partitions.look(session)
