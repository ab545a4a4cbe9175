"""`fastlakare forecast`: what the turns of the coming days will cause."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from cli.terminal import Json, judging, print_json, quiet_settings, run

if TYPE_CHECKING:
    from infra.settings import Settings
    from workers.operations.forecast import Forecast

_is_day = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch


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
    until = _day(day)
    settings = quiet_settings(("database", "secret"))
    with judging():
        found = run(_forecast(settings, until))
    if json:
        print_json(found.as_json())
    else:
        from cli import expectations

        expectations.forecast(found)


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        if _is_day(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise typer.BadParameter("DAY: a day, YYYY-MM-DD")


async def _forecast(settings: Settings, until: date | None) -> Forecast:
    from workers.operations import forecast as operation
    from workers.operations.session import on_snapshot

    async with on_snapshot(settings, "forecast") as (runtime, state):
        return await operation.forecast(runtime, state, until)
