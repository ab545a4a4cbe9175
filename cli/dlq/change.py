"""`fastlakare dlq discard` and `dlq restore`: letters that nobody needs, and those that somebody does after all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from cli.confirm import Confirmation, DryRun, Reason, Yes, complain, confirmation, provenance
from cli.dlq.selection import All, Code, Fingerprint, Ids, Release, Since, Topic, choice
from cli.terminal import EXIT_DIFFERENCES, Json, print_json, quiet_settings, run

if TYPE_CHECKING:
    from infra.postgres.chosen_letters import Choice, Frozen
    from infra.settings import Settings


def discard(
    ids: Ids = None,
    topic: Topic = None,
    code: Code = None,
    fingerprint: Fingerprint = None,
    release: Release = None,
    since: Since = None,
    everything: All = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    reason: Reason = None,
    json: Json = False,
) -> None:
    """Discard open letters: nobody has to look at them any more.

    Shows what it would change and asks; without a terminal it ends there. A discarded letter stays as it is until it
    expires, and `fastlakare dlq restore` opens it again. Handled letters are not touched. Each letter, who discarded it
    and why, is written into the audit trail.

    \b
    Example:     fastlakare dlq discard --topic kiv.unit.v1 --code invalid_data --yes --reason "test data, case 17"
    Exit codes:  0 done, or nothing to do, 1 no such letter, 2 usage error, not confirmed or database unreachable
    """
    how = confirmation(dry_run=dry_run, yes=yes, reason=reason)
    settings = quiet_settings(("database",))
    chosen = choice(
        ids, topic=topic, code=code, fingerprint=fingerprint, release=release, since=since, everything=everything,
        prefix=settings.topic_prefix,
    )  # fmt: skip
    _change(settings, chosen, "discard", how, json=json)


def restore(
    ids: Ids = None,
    topic: Topic = None,
    code: Code = None,
    fingerprint: Fingerprint = None,
    release: Release = None,
    since: Since = None,
    everything: All = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    reason: Reason = None,
    json: Json = False,
) -> None:
    """Open discarded letters again.

    Shows what it would change and asks; without a terminal it ends there. Letters that are open or handled are not
    touched. Each letter, who restored it and why, is written into the audit trail.

    \b
    Example:     fastlakare dlq restore kiv.unit.v1/0/17 --yes --reason "discarded by mistake"
    Exit codes:  0 done, or nothing to do, 1 no such letter, 2 usage error, not confirmed or database unreachable
    """
    how = confirmation(dry_run=dry_run, yes=yes, reason=reason)
    settings = quiet_settings(("database",))
    chosen = choice(
        ids, topic=topic, code=code, fingerprint=fingerprint, release=release, since=since, everything=everything,
        prefix=settings.topic_prefix,
    )  # fmt: skip
    _change(settings, chosen, "restore", how, json=json)


def _change(settings: Settings, chosen: Choice, verb: str, how: Confirmation, *, json: bool) -> None:
    from workers.operations.dead_letters import NoSuchLetter

    try:
        result = run(_carry_out(settings, chosen, verb, how, json=json))
    except NoSuchLetter as error:
        complain(str(error))
        raise typer.Exit(EXIT_DIFFERENCES) from None
    if json:
        print_json(result)
    else:
        typer.echo(_words(result))


async def _carry_out(settings: Settings, chosen: Choice, verb: str, how: Confirmation, *, json: bool) -> dict[str, Any]:
    from cli.dlq import screen
    from cli.progress import progress
    from infra.postgres.chosen_letters import DISCARDED, OPEN
    from workers.operations import dead_letters

    before, after = (OPEN, DISCARDED) if verb == "discard" else (DISCARDED, OPEN)
    async with dead_letters.database(settings) as pg:
        frozen = await dead_letters.freeze(pg, chosen)
        letters = frozen.counts[before]
        if not how.yes:
            if json and not how.asks:
                print_json(_result(verb, frozen, dry_run=True))
            else:
                screen.preview(frozen, err=json)
            if how.asks and not letters:
                return _result(verb, frozen)
        reason = how.reason_to_go_on(f"{verb.capitalize()} the {letters} that are {before}?")
        if not letters:
            return _result(verb, frozen)
        by = provenance(settings, reason)
        with progress(verb, letters) as report:
            done = await dead_letters.change(pg, frozen, after, by, report)
    return _result(verb, frozen, run=by.run, changed=done.changed, not_included=done.not_included)


def _result(
    verb: str,
    frozen: Frozen,
    *,
    dry_run: bool = False,
    run: str | None = None,
    changed: int = 0,
    not_included: int = 0,
) -> dict[str, Any]:
    """For scripts; `letters` are those chosen, by their state when they were looked at."""
    return {
        "operation": verb,
        "dry_run": dry_run,
        "run": run,
        "letters": dict(frozen.counts),
        "changed": changed,
        "not_included": not_included,
    }


def _words(result: dict[str, Any]) -> str:
    if result["run"] is None:
        return f"nothing to {result['operation']}"
    done = f"{result['operation']}: {result['changed']} letters, run {result['run']}"
    later = result["not_included"]
    return f"{done}; {later} that came meanwhile are not included" if later else done
