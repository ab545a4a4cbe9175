"""`fastlakare dlq list` and `dlq show`: looking at dead letters."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.confirm import Reason, complain, needed_reason, provenance
from cli.dlq.selection import Code, Ids, Since, State, Topic, choice
from cli.terminal import EXIT_DIFFERENCES, Json, print_json, quiet_settings, run

if TYPE_CHECKING:
    from infra.postgres.chosen_letters import Choice, LetterPlace, StoredLetter
    from infra.provenance import Provenance
    from infra.settings import Settings
    from workers.operations.dead_letters import Grouped


def list_groups(
    topic: Topic = None,
    code: Code = None,
    state: State = None,
    since: Since = None,
    no_judge: Annotated[bool, typer.Option("--no-judge", help="Do not tell what would come of them now.")] = False,
    json: Json = False,
) -> None:
    """List the dead letters, one line for each topic, code and fingerprint of the failure.

    Says of each group how many letters it has and how many are open, when the first and the last failed, the most
    attempts of any, the releases that failed, and when the oldest letter is deleted (DLQ_RETENTION_DAYS). Today: what
    would come of the open ones, were they replayed now by this release: applied, unchanged or stale (superseded),
    accepted, refused or repeated (answered), dead. That takes half a minute at most, of a group its newest 10 000, and
    needs the service's settings, the patient key's secret among them; without it, or with --no-judge, nothing is
    judged.

    \b
    Example:     fastlakare dlq list --topic vardval.listing.v1 --since -2h
    Exit codes:  0 success, 2 usage error or database unreachable
    """
    settings = quiet_settings(("database",))
    chosen = choice(topic=topic, code=code, state=state, since=since, prefix=settings.topic_prefix)
    from cli.dlq import screen
    from workers.operations import dead_letters

    judge = not no_judge and bool(settings.patient_key_secret.get_secret_value())
    found, kept = run(_groups(settings, chosen, judge=judge)), dead_letters.kept_for(settings)
    if json:
        print_json({"groups": [dead_letters.group_as_json(group, now, kept) for group, now in found]})
    elif found:
        screen.groups(found, kept, datetime.now(UTC))
    else:
        typer.echo("no dead letters")


def show(
    ids: Ids = None,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Show the record as it came, personnummer and all; audited.")
    ] = False,
    reason: Reason = None,
    json: Json = False,
) -> None:
    """Show letters: place, times, why they are dead, envelope and value.

    Of the value only codes, versions, dates and HSA-ids are shown in clear, all else as type and size. --reveal shows
    the record as it came, of 100 letters at most; it needs --reason, and who sees what is written into the audit trail
    before it is shown.

    \b
    Example:     fastlakare dlq show kiv.staff.v1/3/4711
                 fastlakare dlq show kiv.staff.v1/3/4711 --reveal --reason "asked by KiV, case 17"
    Exit codes:  0 success, 1 no such letter, 2 usage error or database unreachable
    """
    if not ids:
        raise typer.BadParameter("which letters? Give their ids")
    if reason is not None and not reveal:
        raise typer.BadParameter("--reason: belongs to --reveal")
    why = needed_reason(reason, "--reveal") if reveal else None
    settings = quiet_settings(("database",))
    chosen = choice(ids, prefix=settings.topic_prefix)
    from cli.dlq import screen
    from workers.operations import dead_letters

    assert chosen.places is not None
    if reveal and len(chosen.places) > dead_letters.MOST_REVEALED:
        raise typer.BadParameter(f"--reveal: at most {dead_letters.MOST_REVEALED} letters")
    by = None if why is None else provenance(settings, why)
    try:
        letters = run(_letters(settings, list(chosen.places), by))
    except dead_letters.NoSuchLetter as error:
        complain(str(error))
        raise typer.Exit(EXIT_DIFFERENCES) from None
    kept = dead_letters.kept_for(settings)
    shown = [
        dead_letters.masked(letter, kept) | ({"record": dead_letters.revealed(letter)} if reveal else {})
        for letter in letters
    ]
    if json:
        print_json({"letters": shown})
        return
    for number, letter in enumerate(shown):
        if number:
            typer.echo()
        screen.letter(letter)


async def _groups(settings: Settings, chosen: Choice, *, judge: bool) -> list[Grouped]:
    from workers.operations import dead_letters

    async with dead_letters.database(settings) as pg:
        if not judge:
            return await dead_letters.grouped(pg, chosen)
        from workers.operations import letters_now

        async with letters_now.judging(settings, chosen) as judging:
            return await dead_letters.grouped(pg, chosen, judging)


async def _letters(settings: Settings, places: list[LetterPlace], by: Provenance | None) -> list[StoredLetter]:
    from workers.operations import dead_letters

    async with dead_letters.database(settings) as pg:
        letters = await dead_letters.found(pg, places)
        if by is not None:
            await dead_letters.reveal(pg, letters, by)
    return letters
