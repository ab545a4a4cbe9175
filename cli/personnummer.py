"""A personnummer is never an argument, where other users of the machine and the shell's history would see it (O8)."""

from __future__ import annotations

import getpass
import sys

import typer

_MOST_CHARACTERS = 100


def read_personnummer() -> int:
    """From standard input; asked for without echo on a terminal. Exit 2 for what is none (L8), and it is not
    repeated."""
    from schemas.ids import PatientKind, patient_kind

    text = getpass.getpass("Personnummer: ") if sys.stdin.isatty() else sys.stdin.readline(_MOST_CHARACTERS)
    digits = "".join(text.split()).replace("-", "")
    if patient_kind(digits) is not PatientKind.PERSONNUMMER:
        raise typer.BadParameter("what stands on standard input is no personnummer: twelve digits")
    return int(digits)
