"""`fastlakare demo`: the options and the help."""

from __future__ import annotations

from typing import Annotated

import typer


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Go on until Ctrl-C.")] = False,
) -> None:
    """Show everything at once, with nothing to set up.

    Starts an embedded broker and database with a small made-up region, shows what goes in and what 1177 hears, and
    stops. Reads no settings and leaves nothing behind.

    \b
    Example:     fastlakare demo --keep
    Exit codes:  0 shown, 1 something did not come out as it should, 2 usage error
    """
    from cli.demo.show import show

    show(keep)
