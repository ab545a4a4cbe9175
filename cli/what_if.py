"""`fastlakare what-if`: what records in a file would do if they were sent now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.check_event import lines_of
from cli.terminal import EXIT_DIFFERENCES, Json, judging, print_json, quiet_settings, run

if TYPE_CHECKING:
    from infra.settings import Settings
    from schemas.record_lines import LineRecord
    from workers.operations.what_if import WhatIf


def what_if(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="Records as lines of JSON; - is the standard input.")],
    json: Json = False,
) -> None:
    """Tell what records would do if they were sent now, without sending them.

    They are judged in their order, each on what those before it have changed, by the service's own rules on what the
    database holds now, and nothing of it is kept: no row is changed or locked. For each its outcome, the reply to a
    command, and the events that it would cause; of a dead letter code, field and rule. On an installation where nothing
    else happens that is exactly what sending them does. A line is one record of any input topic, as
    `fastlakare check-event` reads it; one without a timestamp is of now. The database and the service's settings are
    needed, Kafka is not. Nothing of a record is shown.

    \b
    Example:     fastlakare what-if records.jsonl
                 fastlakare what-if --json - < records.jsonl
    Exit codes:  0 every record would be taken, 1 one would be a dead letter or refused, 2 usage error: no such file, a
                 line that is no record, or database unreachable
    """
    settings = quiet_settings(("database", "secret"))
    from workers.operations.check_event import records

    with lines_of(file) as lines:
        given = list(records(lines))
    with judging():
        found = run(_judged(settings, given))
    if json:
        print_json(found.as_json())
    else:
        from cli import expectations

        expectations.what_if(found)
    if any(one.refused for one in found.records):
        raise typer.Exit(EXIT_DIFFERENCES)


async def _judged(settings: Settings, given: list[tuple[int, LineRecord]]) -> WhatIf:
    from workers.operations import what_if as operation
    from workers.operations.session import on_snapshot

    async with on_snapshot(settings, "what-if") as (runtime, state):
        return await operation.what_if(runtime, state, given)
