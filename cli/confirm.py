"""The one grammar of commands that change something (O1): a preview, a question, `--dry-run`, or `--yes --reason`."""

from __future__ import annotations

import os
import pwd
import secrets
import socket
import sys
from base64 import b32encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from cli.terminal import EXIT_USAGE

if TYPE_CHECKING:
    from infra.provenance import Provenance
    from infra.settings import Settings

DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking; needs --reason.")]
Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why, for the audit trail.")]

_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Confirmation:
    """How a command was called. A command shows its preview unless `yes`, then lets `reason_to_go_on` decide."""

    dry_run: bool
    yes: bool
    reason: str | None

    @property
    def asks(self) -> bool:
        """Whether a question follows the preview. With `--json` the preview then belongs on stderr, because stdout
        takes one document, the result (O9)."""
        return not self.dry_run and not self.yes and sys.stdin.isatty() and sys.stderr.isatty()

    def reason_to_go_on(self, question: str) -> str:
        """The reason, where what was previewed is to be done. Otherwise the command ends here: with 0 after
        `--dry-run`, with 2 where nobody confirmed (O1, O9)."""
        if self.yes:
            assert self.reason is not None
            return self.reason
        if self.dry_run:
            raise typer.Exit
        if not self.asks:
            complain("nothing was changed: not confirmed; --yes --reason TEXT does it without asking")
            raise typer.Exit(EXIT_USAGE)
        if _answer(f"{question} [y/N] ").lower() not in {"y", "yes"}:
            complain("nothing was changed")
            raise typer.Exit(EXIT_USAGE)
        return self.reason or checked_reason(_answer("Reason, for the audit trail: "))


def confirmation(*, dry_run: bool, yes: bool, reason: str | None) -> Confirmation:
    """Refuses options that contradict each other (exit 2)."""
    if dry_run and yes:
        raise typer.BadParameter("--dry-run and --yes exclude each other")
    if yes and reason is None:
        raise typer.BadParameter("--yes: needs --reason TEXT")
    return Confirmation(dry_run, yes, None if reason is None else checked_reason(reason))


def needed_reason(reason: str | None, what: str) -> str:
    """The reason for what is audited before it is shown; exit 2 without one (O8)."""
    if reason is None:
        raise typer.BadParameter(f"{what}: needs --reason TEXT")
    return checked_reason(reason)


def checked_reason(reason: str) -> str:
    """A reason that the audit trail can hold. Refuses (exit 2) one that could hold a personnummer, and does not repeat
    it (O8)."""
    from handlers.redaction import contains_patient_id

    text = " ".join(reason.split())
    if not text:
        raise typer.BadParameter("--reason: should not be empty")
    if len(text) > _LONGEST_REASON or not text.isprintable():
        raise typer.BadParameter(f"--reason: should have at most {_LONGEST_REASON} characters, all printable")
    if contains_patient_id(text):
        raise typer.BadParameter("--reason: should not hold a personnummer, the audit trail says who without it")
    return text


def operator(name: str | None) -> str:
    """Who runs the command, for the audit trail: the account and the machine; where several share an account, as in a
    container, with the name that FASTLAKARE_OPERATOR gives before it."""
    try:
        account = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run as a number only
        account = str(os.getuid())
    where = f"{account}@{socket.gethostname()}"
    return where if name is None else f"{name} ({where})"


def _answer(question: str) -> str:
    """What is typed; nothing of the question comes on stdout, where `typer.prompt` would leave a blank (O9)."""
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def provenance(settings: Settings, reason: str) -> Provenance:
    """Under which id an operation stands in the audit trail, who began it and why."""
    from infra.provenance import Provenance

    return Provenance(new_run_id(), operator(settings.operator), reason)


def new_run_id() -> str:
    """Eight letters and digits: short enough to type, too short to be a personnummer."""
    return b32encode(secrets.token_bytes(5)).decode().lower()


def complain(line: str) -> None:
    """One line on stderr."""
    print(f"fastlakare: {line}", file=sys.stderr)
