"""`fastlakare partition`: its list of commands."""

from __future__ import annotations

import typer

from cli.partition.show import show
from cli.partition.skip import skip

partition = typer.Typer(name="partition", no_args_is_help=True, rich_markup_mode=None)


@partition.callback()
def partitions() -> None:
    """See where the input partitions stand, and have one that stopped go on.

    A partition stops where its log no longer holds what was to be read next: retention took it, the log was cut back or
    is another one. One that cannot be read, because it is damaged, waits. The other partitions go on.

    \b
    Example:     fastlakare partition show
    Exit codes:  those of each command: fastlakare partition show --help
    """


partition.command()(show)
partition.command()(skip)
