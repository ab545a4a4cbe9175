"""`fastlakare dlq release-guard`: a release goes on that was stopped because it failed on too many records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from cli.confirm import Confirmation, DryRun, Reason, Yes, confirmation, provenance
from cli.dlq.selection import Topic, choice
from cli.terminal import Json, print_json, quiet_settings, run

if TYPE_CHECKING:
    from infra.settings import Settings


def release_guard(
    topic: Topic = None, dry_run: DryRun = False, yes: Yes = False, reason: Reason = None, json: Json = False
) -> None:
    """Let a release go on that was stopped because it failed on too many records.

    A partition stops when its release has dead-lettered 20 records of the topic because it fails on them. It stays
    stopped, whatever restarts, until another release runs or this command says that it may go on: of all topics, or of
    --topic. The processes notice within seconds; 20 more letters of the topic are allowed then.

    \b
    Example:     fastlakare dlq release-guard --topic vardval.listing.v1 --yes --reason "records corrected, case 17"
    Exit codes:  0 done, or nothing is stopped, 2 usage error, not confirmed or database unreachable
    """
    how = confirmation(dry_run=dry_run, yes=yes, reason=reason)
    settings = quiet_settings(("database",))
    chosen = choice(topic=topic, prefix=settings.topic_prefix)
    result = run(_lift(settings, chosen.topic, how, json=json))
    if json:
        print_json(result)
    elif result["run"] is None:
        typer.echo("nothing is stopped")
    else:
        typer.echo(f"lifted {len(result['guards'])} guards, run {result['run']}")


async def _lift(settings: Settings, topic: str | None, how: Confirmation, *, json: bool) -> dict[str, Any]:
    from cli.dlq import screen
    from workers.operations import dead_letters

    async with dead_letters.database(settings) as pg:
        guards = await dead_letters.guards(pg, topic)
        result = {
            "operation": "release-guard",
            "dry_run": False,
            "run": None,
            "guards": [dead_letters.guard_as_json(guard) for guard in guards],
        }
        if not how.yes:
            if json and not how.asks:
                print_json(result | {"dry_run": True})
            elif guards:
                screen.guards(guards, err=json)
            elif not how.asks:
                typer.echo("nothing is stopped")
            if how.asks and not guards:
                return result
        reason = how.reason_to_go_on(f"Let {'them' if len(guards) > 1 else 'it'} go on?")
        if not guards:
            return result
        by = provenance(settings, reason)
        await dead_letters.lift_guards(pg, guards, by)
    return result | {"run": by.run}
