"""`fastlakare dlq`: its list of commands."""

from __future__ import annotations

import typer

from cli.dlq.change import discard, restore
from cli.dlq.export import export
from cli.dlq.guard import release_guard
from cli.dlq.look import list_groups, show

dlq = typer.Typer(name="dlq", no_args_is_help=True, rich_markup_mode=None)


@dlq.callback()
def letters() -> None:
    """Look at dead letters, discard, restore and export them.

    A letter is a record that could not be read or handled. It stands in the database as it came until it expires. Its
    id is <source topic>/<partition>/<offset>.

    \b
    Example:     fastlakare dlq list
    Exit codes:  those of each command: fastlakare dlq list --help
    """


dlq.command("list")(list_groups)
dlq.command()(show)
dlq.command()(discard)
dlq.command()(restore)
dlq.command()(export)
dlq.command("release-guard")(release_guard)
