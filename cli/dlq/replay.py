"""`fastlakare dlq replay`: dead letters are judged once more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from cli.confirm import DryRun, Reason, Yes, complain, confirmation
from cli.dlq.selection import All, Code, Fingerprint, Ids, Release, Since, Topic, choice
from cli.runs.command import Detach
from cli.runs.options import Rate, records_per_second
from cli.terminal import EXIT_DIFFERENCES, Json, print_json, quiet_settings, run

if TYPE_CHECKING:
    from infra.postgres.chosen_letters import Choice
    from infra.settings import Settings
    from workers.operations.letter_replay import LetterReplay
    from workers.operations.report import Report


def replay(
    ids: Ids = None,
    topic: Topic = None,
    code: Code = None,
    fingerprint: Fingerprint = None,
    release: Release = None,
    since: Since = None,
    everything: All = False,
    rate: Rate = "auto",
    dry_run: DryRun = False,
    yes: Yes = False,
    reason: Reason = None,
    detach: Detach = False,
    json: Json = False,
) -> None:
    """Have open letters judged once more, by the release that runs now.

    In the order of their offsets, by the same rules as any record, with their own time. A fact that a later one has
    overtaken is superseded, a command is carried out for the first time and answered once. What fails again stays open
    with one more attempt; nothing is added to the dead-letter topic. There is one run for each topic, beside the
    service; `fastlakare runs` shows, pauses and resumes them. Letters that come meanwhile are not included.

    \b
    Example:     fastlakare dlq replay --topic vardval.listing.v1 --code handler_failed --dry-run
                 fastlakare dlq replay kiv.staff.v1/3/4711 --yes --reason "fixed in 1.0.1"
    Exit codes:  0 all handled or superseded, or previewed, 1 some failed again, a run stopped, or no such letter,
                 2 usage error, not confirmed, or a server unreachable
    """
    confirmed = confirmation(dry_run=dry_run, yes=yes, reason=reason)
    speed = records_per_second(rate)
    settings = quiet_settings()
    chosen = choice(
        ids, topic=topic, code=code, fingerprint=fingerprint, release=release, since=since, everything=everything,
        prefix=settings.topic_prefix,
    )  # fmt: skip
    from cli.dlq import screen
    from cli.runs.flow import Flow, exit_code
    from workers.operations.dead_letters import NoSuchLetter

    try:
        found, whole = run(_replays(settings, chosen))
    except NoSuchLetter as error:
        complain(str(error))
        raise typer.Exit(EXIT_DIFFERENCES) from None
    flow = Flow(settings, "dlq replay", "Judge these letters again?", confirmed, speed, detach, json, _document)
    if not (confirmed.yes or json):
        screen.preview(whole, err=False)
    done = flow(found)
    later = run(_arrived(settings, chosen, found))
    if json:
        print_json(_document(done, later, dry_run=False))
    else:
        flow.show(done)
        _tell(done, later)
    again = any(report.tally.outcomes["dead"] for report in done)
    raise typer.Exit(EXIT_DIFFERENCES if again else exit_code(done))


def _tell(done: Sequence[Report], later: int) -> None:
    if not done:
        typer.echo("no open letters were chosen")
    if later:
        typer.echo(f"{later} letters that came meanwhile are not included")


async def _replays(settings: Settings, chosen: Choice) -> tuple[list[LetterReplay], Any]:
    from infra.postgres import chosen_letters
    from workers.operations import dead_letters
    from workers.operations.letter_replay import replays

    async with dead_letters.database(settings) as pg:
        whole = await dead_letters.freeze(pg, chosen)
        return replays(await chosen_letters.freeze(pg, chosen._replace(state=chosen_letters.OPEN))), whole


async def _arrived(settings: Settings, chosen: Choice, replayed: list[LetterReplay]) -> int:
    """How many open letters of the choice stand behind what was frozen."""
    from infra.postgres import chosen_letters
    from workers.operations import dead_letters

    async with dead_letters.database(settings) as pg:
        now = await chosen_letters.freeze(pg, chosen._replace(state=chosen_letters.OPEN))
        ends = {(one.topic, partition): end for one in replayed for partition, end in one.ends.items()}
        return await chosen_letters.count_behind(pg, now, ends)


def _document(reports: Sequence[Report], not_included: int = 0, *, dry_run: bool = True) -> dict[str, Any]:
    return {
        "operation": "replay",
        "dry_run": dry_run,
        "runs": [report.as_json() for report in reports],
        "not_included": not_included,
    }
