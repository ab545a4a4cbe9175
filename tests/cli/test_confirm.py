"""The grammar of commands that change something, on a command made for it."""

from __future__ import annotations

import sys

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from cli.confirm import DryRun, Reason, Yes, checked_reason, confirmation, operator
from tests.harness.terminal import Session, on_a_terminal

app = typer.Typer(rich_markup_mode=None)


@app.command()
def change(dry_run: DryRun = False, yes: Yes = False, reason: Reason = None) -> None:
    """Says what it would do, and what it did."""
    how = confirmation(dry_run=dry_run, yes=yes, reason=reason)
    if not how.yes:
        typer.echo("preview")
    typer.echo(f"done: {how.reason_to_go_on('Change it?')}")


@pytest.mark.parametrize(
    ("arguments", "exit_code", "stdout"),
    [
        ([], 2, "preview\n"),
        (["--reason", "why"], 2, "preview\n"),
        (["--dry-run"], 0, "preview\n"),
        (["--dry-run", "--reason", "why"], 0, "preview\n"),
        (["--yes"], 2, ""),
        (["--yes", "--reason", "  "], 2, ""),
        (["--yes", "--reason", "x" * 501], 2, ""),
        (["--yes", "--dry-run", "--reason", "why"], 2, ""),
        (["--yes", "--reason", " why\nnot "], 0, "done: why not\n"),
    ],
)
def test_o1_nothing_is_done_without_yes_and_a_reason(arguments: list[str], exit_code: int, stdout: str) -> None:
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, result.stdout) == (exit_code, stdout)


def typed(text: bytes, *arguments: str) -> Session:
    """The command on a terminal where that is typed."""
    program = "from tests.cli.test_confirm import app; app()"
    return on_a_terminal([sys.executable, "-c", program, *arguments], text)


def test_o1_a_terminal_is_asked_and_no_is_no() -> None:
    done = typed(b"n\n")
    assert (done.status, done.stdout) == (2, "preview\n")
    assert "Change it? [y/N]" in done.shown
    assert "nothing was changed" in done.shown


def test_o1_yes_on_a_terminal_asks_for_the_reason_that_was_not_given() -> None:
    assert typed(b"y\nwhy\n")[:2] == (0, "preview\ndone: why\n")
    assert typed(b"y\n", "--reason", "known")[:2] == (0, "preview\ndone: known\n")


@pytest.mark.parametrize("number", ["191212121212", "19121212-1212", "121212-1212", "1912 1212 1212"])
def test_o8_a_reason_with_a_personnummer_is_refused_and_not_repeated(number: str) -> None:
    result = CliRunner().invoke(app, ["--yes", "--reason", f"asked by {number}"])
    assert result.exit_code == 2
    assert "should not hold a personnummer" in result.stderr
    assert number not in result.output


@given(st.text(max_size=600))
def test_a_reason_that_is_taken_fits_on_a_line_of_the_audit_trail(text: str) -> None:
    try:
        taken = checked_reason(text)
    except typer.BadParameter:
        return
    assert 0 < len(taken) <= 500
    assert taken.isprintable()


def test_the_operator_is_an_account_on_a_machine_and_the_name_that_was_given() -> None:
    assert "@" in operator(None)
    assert operator("anna") == f"anna ({operator(None)})"
