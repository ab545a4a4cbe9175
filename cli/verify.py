"""`fastlakare verify`: once, or again and again."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cli.terminal import EXIT_DIFFERENCES, Json, print_json, print_json_line, quiet_settings, run

if TYPE_CHECKING:
    from infra.settings import Settings
    from workers.operations.verification.report import Report

_CHECKS = "1177, doctor, links, ceilings, revisions, sequences, replies, protected, audit"


def verify(
    only: Annotated[
        str | None, typer.Option("--only", metavar="NAME,...", help=f"Only these checks, of {_CHECKS}.")
    ] = None,
    every: Annotated[
        float | None, typer.Option("--every", min=0, metavar="SECONDS", help="Again and again, until Ctrl-C.")
    ] = None,
    json: Json = False,
) -> None:
    """Hold the database against the output topics and the rules, beside the running service.

    One snapshot of the database is compared with the topics read up to exactly where it stands. Nothing is written: a
    database role that can only read, such as fastlakare_reader, is enough.

    \b
    Example:     fastlakare verify --only 1177,doctor --json
    Exit codes:  0 no difference, 1 differences, 2 usage error, server unreachable or the relay does not come so far
    """
    names = _names(only)
    settings = quiet_settings(("database", "kafka"))
    found = run(_once(settings, names, json) if every is None else _again(settings, names, every, json))
    if found:
        raise typer.Exit(EXIT_DIFFERENCES)


def _names(only: str | None) -> tuple[str, ...]:
    from workers.operations.verify import CHECKS

    if only is None:
        return CHECKS
    names = tuple(name.strip() for name in only.split(","))
    if unknown := [name for name in names if name not in CHECKS]:
        raise typer.BadParameter(
            f"no such check: {', '.join(unknown)}; there are {', '.join(CHECKS)}", param_hint="--only"
        )
    return names


async def _once(settings: Settings, names: tuple[str, ...], json: bool) -> int:
    from cli import tables

    report = await _verified(settings, names)
    if json:
        print_json(report.as_json())
    else:
        tables.verification(report)
    return report.total


async def _again(settings: Settings, names: tuple[str, ...], seconds: float, json: bool) -> int:
    """Until Ctrl-C; a server that is away meanwhile is told, and waited for. Returns how many differences there were
    in all."""
    from infra.foreign_errors import explain, is_settings_error

    total = 0
    try:
        while True:
            try:
                report = await _verified(settings, names)
                total += report.total
                print_json_line(report.as_json()) if json else typer.echo(_line(report))
            except Exception as error:
                why = explain(error)
                if why is None or is_settings_error(error):
                    raise
                print(f"fastlakare: {why}", file=sys.stderr)
            await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        return total


async def _verified(settings: Settings, names: tuple[str, ...]) -> Report:
    from rich.console import Console
    from rich.markup import escape

    from workers.operations.verify import verify_once

    with Console(stderr=True).status("verifying", spinner="dots") as status:
        return await verify_once(settings, names, lambda text: status.update(escape(text)))


def _line(report: Report) -> str:
    checks = ", ".join(f"{name} {result.differences} of {result.compared}" for name, result in report.checks.items())
    return f"{report.total} differences ({checks})"
