"""The command `fastlakare`: its list of commands. What a command needs is imported only when it runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from cli.check_event import check_event
from cli.contract import asyncapi, schema
from cli.demo.command import demo
from cli.dlq.command import dlq
from cli.explain import explain
from cli.forecast import forecast
from cli.imports.command import import_links
from cli.lag import lag
from cli.migrate import migrate
from cli.partition.command import partition
from cli.reconcile import reconcile
from cli.replay import replay
from cli.republish import republish
from cli.run import run
from cli.runs.command import app as runs
from cli.terminal import EXIT_BUG, EXIT_USAGE
from cli.topics import topics
from cli.verify import verify
from cli.what_if import what_if


class Commands(TyperGroup):
    """The commands; what one refuses is told without a personnummer that was typed in its place (O8)."""

    def make_context(self, *arguments: Any, **extra: Any) -> Any:
        """As the group's own."""
        with _masked_refusal():
            return super().make_context(*arguments, **extra)

    def invoke(self, ctx: Any) -> Any:
        """As the group's own."""
        with _masked_refusal():
            return super().invoke(ctx)


@contextmanager
def _masked_refusal() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if hasattr(error, "format_message"):  # click's, which quotes what it does not know
            from infra.logs import masked

            error.message = masked(error.message)  # type: ignore[attr-defined]
        raise


app = typer.Typer(
    name="fastlakare",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _version(shown: bool) -> None:
    if shown:
        from infra.version import version

        typer.echo(f"fastlakare {version()}")
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

    Exit codes of every command: 0 success, 1 differences or a refusal, 2 usage error or server unreachable, 70 a bug.
    """


app.command()(demo)
app.command()(migrate)
app.command()(topics)
app.command()(run)
app.command()(lag)
app.command()(verify)
app.command()(replay)
app.command()(reconcile)
app.command()(republish)
app.add_typer(runs, name="runs")
app.add_typer(dlq)
app.add_typer(partition)
app.command("import")(import_links)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(explain)
app.command("check-event")(check_event)
app.command("what-if")(what_if)
app.command()(forecast)
app.command()(asyncapi)
app.command()(schema)


def main() -> NoReturn:
    """The entry point: what a command cannot do is one line on stderr, never a traceback for an outage."""
    try:
        app()
    except Exception as error:  # noqa: BLE001  # the one place where they all end
        from infra.foreign_errors import explain

        line = explain(error)
        if line is not None:
            print(f"fastlakare: {line}", file=sys.stderr)
            sys.exit(EXIT_USAGE)
        from infra.logs import configure, log

        configure(None)
        log.critical("bug in fastlakare", exc_info=True)
        sys.exit(EXIT_BUG)
    sys.exit(0)


if __name__ == "__main__":
    main()
