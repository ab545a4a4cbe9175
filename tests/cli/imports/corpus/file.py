"""A file of the corpus and its right outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

#: the unit and the doctor of every file, and the patients who are listed there
U, D = "SE2321000131-E000000000712", "SE2321000131-E000000007623"
TOLVAN, MIDDLE, YOUNG, ZEROS = "191212121212", "199006022397", "201701012393", "200001012384"
CENTENARIANS = ("190905272381", "190901212399")
LISTED = (TOLVAN, MIDDLE, YOUNG, ZEROS, *CENTENARIANS)
DAY = "2026-05-20"
#: what the service links a patient from when a row has no date
TODAY = None
#: as `fastlakare import --template` writes it
HEADER = "Personnummer;Enhetens HSA-id;Läkarens HSA-id;Datum"

ENCODING = (
    "filen är sparad i en annan teckenkodning än UTF-8, Windows-1252 eller UTF-16;"
    " öppna den i programmet den kommer från och spara den som CSV UTF-8"
)


@dataclass(frozen=True)
class CsvFile:
    """What somebody saved, and what comes of it: one of

    - `links`: patient and date of each row that the service accepts, by line; with `faulty`, the code of each it does
      not, by line: then nothing of the file is registered (C11);
    - `refused`: the sentences that say why nothing is sent.

    `unused` are the columns that the answer names.
    """

    name: str
    content: str | bytes
    links: Mapping[int, tuple[str, str | None]] = field(default_factory=dict)
    faulty: Mapping[int, str] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    encoding: str = "utf-8"

    @property
    def raw(self) -> bytes:
        """The file's bytes."""
        return self.content if isinstance(self.content, bytes) else self.content.encode(self.encoding)

    def written(self, folder: Path) -> Path:
        """The file on the disk."""
        path = folder / "lista.csv"
        path.write_bytes(self.raw)
        return path


def table(*rows: str, header: str = HEADER, end: str = "\r\n") -> str:
    """Lines under a header; `@` in a row is the unit and the doctor: `19900602-2397;@;2026-05-20`."""
    return end.join([header, *(row.replace("@", f"{U};{D}") for row in rows), ""])
