"""`fastlakare migrate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.terminal import quiet_settings, run

if TYPE_CHECKING:
    from infra.settings import Settings


def migrate(
    accept_settings: Annotated[
        bool,
        typer.Option(
            "--accept-settings",
            help="Remember this environment's GROUP_ID, TOPIC_PREFIX, ON_DOCTOR_LEFT and ELIGIBLE_POSITIONS, and take"
            " all partitions from processes that run with others.",
        ),
    ] = False,
) -> None:
    """Bring the database up to the current schema.

    Safe to run again: a database that is current stays as it is. Needs FASTLAKARE_DATABASE_URL, of a role that owns
    the tables.

    \b
    Example:     fastlakare migrate
    Exit codes:  0 the schema is current, 2 usage error or database unreachable
    """
    settings = quiet_settings(("database",))
    from infra.postgres.migrations import upgrade

    before, after = upgrade(settings.database_url.get_secret_value())
    if before == after:
        typer.echo(f"the database is at {after} already")
    else:
        typer.echo(f"the database went from {before or 'empty'} to {after}")
    if accept_settings:
        run(_accept_settings(settings))


async def _accept_settings(settings: Settings) -> None:
    from infra.environment import variable
    from infra.identity import agreed_settings
    from infra.postgres import installation
    from infra.postgres.connection import connect

    pg = await connect(settings.database_url.get_secret_value(), application_name="fastlakare migrate")
    try:
        changed = await installation.accept_settings(pg, agreed_settings(settings))
    finally:
        await pg.close()
    for name, (before, after) in changed.items():
        typer.echo(f"{variable(name)}: {before!r} is {after!r} from now on")
    if not changed:
        typer.echo("the database remembers these settings already")
