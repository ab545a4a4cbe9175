"""The command `fastlakare`: every command in one screen, each one's module loaded only when it runs."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from typing import Annotated, NoReturn

import typer

from workers import cli_tools, terminal
from workers.terminal import EXIT_BUG, EXIT_FOUND, EXIT_WRONG

WORKERS = ("staff", "unit", "listing", "command", "clock", "relay")

app = typer.Typer(
    name="fastlakare",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _version(wanted: bool) -> None:
    if wanted:
        try:
            typer.echo(f"fastlakare {installed_version('fastlakare')}")
        except PackageNotFoundError:
            typer.echo("fastlakare (not installed)")
        raise typer.Exit


@app.callback()
def fastlakare(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Appoints the named doctor (fast läkarkontakt) of every listed patient: hears KiV, vårdval and the vårdcentraler
    over Kafka, decides, and tells 1177.

    Settings come from FASTLAKARE_... variables or .env; FASTLAKARE_..._FILE reads one from a file.

    \b
    To see it work:   fastlakare demo
    To set it up:     fastlakare migrate && fastlakare topics --create
    To run it:        fastlakare run

    Exit codes of every command: 0 done, 1 found something, 2 wrong use or Kafka or the database out of reach.
    """


@app.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Go on until Ctrl-C.")] = False,
) -> None:
    """Show everything at once, with nothing to set up.

    Starts an embedded broker and database with a small made-up region, shows what goes in and what 1177 hears, and
    stops. Reads no settings and leaves nothing behind.

    \b
    Example:     fastlakare demo --keep
    Exit codes:  0 shown, 1 something did not come out as it should, 2 wrong use
    """
    from workers.demo.command import demo as show

    show(keep)


@app.command()
def migrate() -> None:
    """Bring the database up to the current schema.

    Safe to run again: a database that is current stays as it is. Needs FASTLAKARE_DATABASE_URL, of a role that owns
    the tables.

    \b
    Example:     fastlakare migrate
    Exit codes:  0 the schema is current, 2 wrong use or database out of reach
    """
    settings = terminal.tool(("database",))
    from infra.postgres.migrations import upgrade

    before, after = upgrade(settings.database_url.get_secret_value())
    if before == after:
        typer.echo(f"the database is at {after} already")
    else:
        typer.echo(f"the database went from {before or 'empty'} to {after}")


def run(
    only: Annotated[
        str | None, typer.Option("--only", metavar="NAME,...", help=f"Some of: {', '.join(WORKERS)}.")
    ] = None,
) -> None:
    """Run the service until it is told to stop.

    All workers and the relay in one process, unless --only names some. Start it as many times as there is work for:
    the processes share the partitions, and one relay leads. Waits for Kafka and the database when they are away, and
    ends at anything unforeseen: whatever runs it starts it again.

    \b
    Example:     fastlakare run --only listing,relay
    Exit codes:  0 told to stop, 1 ended by an error (in the log), 2 wrong use or settings
    """
    names = frozenset(name.strip() for name in only.split(",")) if only is not None else frozenset(WORKERS)
    if not names <= set(WORKERS):
        raise typer.BadParameter(f"--only takes some of {', '.join(WORKERS)}")
    from infra.logs import configure, log
    from infra.settings import Settings
    from workers.outages import wrong_settings

    settings = Settings.load()
    configure(settings.log_format)
    from workers.run import serve

    try:
        code = terminal.run(serve(settings, names))
    except Exception as error:
        if wrong_settings(error):
            raise
        log.critical("ended by an error", exc_info=True)
        raise typer.Exit(EXIT_FOUND) from None
    raise typer.Exit(code)


app.command()(cli_tools.topics)
app.command()(run)
app.command()(cli_tools.lag)
app.command("import")(cli_tools.import_links)
app.command()(cli_tools.asyncapi)
app.command()(cli_tools.schema)


def main() -> NoReturn:
    """The entry point: what a command cannot do is one line on stderr, never a traceback for an outage."""
    try:
        app()
    except Exception as error:  # noqa: BLE001  # the one place where they all end
        from workers.outages import explain

        line = explain(error)
        if line is not None:
            print(f"fastlakare: {line}", file=sys.stderr)
            sys.exit(EXIT_WRONG)
        from infra.logs import configure, log

        configure(None)
        log.critical("a bug in fastlakare", exc_info=True)
        sys.exit(EXIT_BUG)
    sys.exit(0)


if __name__ == "__main__":
    main()
