"""Files as the tests write them."""

from __future__ import annotations

from pathlib import Path

UNIT, OTHER_UNIT, DOCTOR = "SE2321000131-E000000000712", "SE2321000131-E000000000799", "SE2321000131-E000000007623"
TOLVAN, MIDDLE, YOUNG = "191212121212", "199006022397", "201701012393"
HEADER = "Personnummer;Enhetens HSA-id;Läkarens HSA-id;Datum"


def lines(*patients: str, end: str = "\r\n", header: str | None = HEADER, day: str = "2026-05-20") -> str:
    """A file with these patients, one a line."""
    rows = [f"{patient};{UNIT};{DOCTOR};{day}" for patient in patients]
    return end.join([*([] if header is None else [header]), *rows, ""])


def written(folder: Path, content: str | bytes, encoding: str = "utf-8-sig", name: str = "länkar.csv") -> Path:
    """The file with this content."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path
