"""The text of a file, whatever program of whatever year wrote it."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import NamedTuple

from schemas.errors import FastlakareError

MOST_BYTES = 50 * 2**20
_NO_TEXT = {
    b"PK\x03\x04": "är en Excel-arbetsbok (.xlsx) eller ett arkiv; spara den som CSV",
    b"\xd0\xcf\x11\xe0": "är en äldre Excel-arbetsbok (.xls); spara den som CSV",
    b"%PDF": "är en PDF; spara tabellen som CSV",
    b"{\\rtf": "är ett ordbehandlingsdokument (RTF); spara tabellen som CSV",
    b"\x1f\x8b": "är ett komprimerat arkiv (gzip); packa upp den först",
}
_IS_MARKUP = "filen är en webbsida eller XML, som en del system kallar Excel; öppna den i Excel och spara den som CSV"
OTHER_ENCODING = (
    "filen är sparad i en annan teckenkodning än UTF-8, Windows-1252 eller UTF-16;"
    " öppna den i programmet den kommer från och spara den som CSV UTF-8"
)
GARBLED_CHARACTER = f"ett tecken går inte att läsa: {OTHER_ENCODING}"
#: what no table holds; tabs and line ends are none of them
_is_control = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]").search


class Fault(NamedTuple):
    """Why a file cannot be read; `line` None where it is about the whole. Never holds what a cell says (D1)."""

    line: int | None
    reason: str

    def __str__(self) -> str:
        return self.reason if self.line is None else f"rad {self.line}: {self.reason}"


class UnreadableFile(FastlakareError):
    """Nothing of the file may be sent."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("the file cannot be read")
        self.faults = faults


class Text(NamedTuple):
    """What the file says, and the encoding it was in: `utf-8`, `cp1252`, `utf-16-le` or `utf-16-be`."""

    text: str
    encoding: str


def read_text(path: Path) -> Text:
    """The file's text without its byte order mark. Raises UnreadableFile."""
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UnreadableFile(Fault(None, f"filen kan inte öppnas ({error.strerror or type(error).__name__})")) from None
    return decoded(raw)


def decoded(raw: bytes) -> Text:
    """The text of the bytes. Raises UnreadableFile."""
    if len(raw) > MOST_BYTES:
        raise UnreadableFile(Fault(None, f"filen är större än {MOST_BYTES // 2**20} MiB"))
    for magic, reason in _NO_TEXT.items():
        if raw.startswith(magic):
            raise UnreadableFile(Fault(None, f"filen {reason}"))
    encoding, mark = _encoding(raw)
    try:
        text = raw[mark:].decode(encoding)
    except UnicodeDecodeError as error:
        before = raw[mark : mark + error.start].decode(encoding, "replace")
        reason = f"ett tecken kan inte läsas som {encoding.upper()}; spara filen som CSV UTF-8"
        if encoding == "cp1252":
            reason = GARBLED_CHARACTER
        raise UnreadableFile(Fault(_line_of(before, len(before)), reason)) from None
    text = text.lstrip("\ufeff").removesuffix("\x1a")  # a second mark where files were joined; how DOS ends a file
    if text.lstrip().startswith("<"):
        raise UnreadableFile(Fault(None, _IS_MARKUP))
    control = _is_control(text)
    if control is not None:
        reason = "ett styrtecken som inte hör hemma i en textfil"
        raise UnreadableFile(Fault(_line_of(text, control.start()), reason))
    return Text(text, encoding)


def _encoding(raw: bytes) -> tuple[str, int]:
    """The encoding, and the length of the byte order mark; without a mark, UTF-16 is known by its zeros.

    Raises UnreadableFile where there are more zeros than that (UTF-32), or mostly bytes beyond ASCII (EBCDIC). Which of
    the encodings with one byte a character it is cannot be told from bytes; `header` knows it by a title.
    """
    start = raw[:2_000]
    if raw.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)) or start.count(0) > len(start) * 5 // 8:
        raise UnreadableFile(Fault(None, OTHER_ENCODING))
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if raw.startswith(mark):
            return encoding, len(mark)
    if start[1::2].count(0) > len(start) // 4:
        return "utf-16-le", 0
    if start[::2].count(0) > len(start) // 4:
        return "utf-16-be", 0
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        if sum(byte >= 0x80 for byte in start) > len(start) // 2:
            raise UnreadableFile(Fault(None, OTHER_ENCODING)) from None
        return "cp1252", 0
    return "utf-8", 0


def _line_of(text: str, place: int) -> int:
    return 1 + len(re.findall("\r\n|\r|\n", text[:place]))
