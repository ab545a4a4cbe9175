"""`fastlakare forecast`: what the turns of the coming days will cause."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from cli.terminal import Json, judging, print_json, quiet_settings, run
from cli.times import day_option

if TYPE_CHECKING:
    from infra.settings import Settings
    from workers.operations.forecast import Forecast


def forecast(
    day: Annotated[
        str | None, typer.Argument(metavar="[DAY]", help="The last day, YYYY-MM-DD; the next one if not given.")
    ] = None,
    json: Json = False,
) -> None:
    """Tell what the turn of each day up to DAY will cause, if nothing else arrives.

    Employments, absences and pauses that begin and end, listings that take effect, units that close or are replaced,
    imports that stayed incomplete: each day is begun by the service's own rules on what the database holds now, and
    nothing of it is kept. Of each day on which something is said, how many events by change and reason, and the doctors
    and units concerned. If nothing arrives meanwhile, exactly those events are published. Today is the installation's
    day. The database and the service's settings are needed, Kafka is not.

    \b
    Example:     fastlakare forecast
                 fastlakare forecast 2027-01-01 --json
    Exit codes:  0 success, 2 usage error: a day that has begun; or database unreachable
    """
    until = day_option("DAY", day)
    settings = quiet_settings(("database", "secret"))
    with judging():
        found = run(_forecast(settings, until))
    if json:
        print_json(found.as_json())
    else:
        from cli import expectations

        expectations.forecast(found)


async def _forecast(settings: Settings, until: date | None) -> Forecast:
    from workers.operations import forecast as operation
    from workers.operations.session import on_snapshot

    async with on_snapshot(settings, "forecast") as (runtime, state):
        return await operation.forecast(runtime, state, until)
