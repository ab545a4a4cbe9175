"""A personnummer is never an argument, where other users of the machine and the shell's history would see it (O8)."""

from __future__ import annotations

import getpass
import sys

import typer


def read_personnummer() -> int:
    """From standard input; asked for without echo on a terminal. Exit 2 for what is none, which is not repeated."""
    from schemas.ids import patient_kind

    text = getpass.getpass("Personnummer: ") if sys.stdin.isatty() else sys.stdin.readline()
    digits = "".join(text.split()).replace("-", "")
    if patient_kind(digits) is None:
        raise typer.BadParameter("what stands on standard input is no personnummer: twelve digits")
    return int(digits)
