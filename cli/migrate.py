"""`fastlakare migrate`."""

from __future__ import annotations

import typer

from cli.terminal import quiet_settings


def migrate() -> None:
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
