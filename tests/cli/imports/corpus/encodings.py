"""Encodings that are read, and those that cannot be: what is said is that, not that a column is missing."""

from __future__ import annotations

import codecs

from tests.cli.imports.corpus.file import DAY, ENCODING, HEADER, TOLVAN, CsvFile, D, U, table

ONE = table(f"{TOLVAN};@;{DAY}")
LINK = {2: (TOLVAN, DAY)}
#: under a header, the word that every such file must have tells its encoding
GARBLED = (f"rad 1: ordet läkare i rubriken går inte att läsa: {ENCODING}",)
WHOLE = (ENCODING,)


def header_of(laekare: bytes) -> bytes:
    """A file whose `läkare` lies on the disk as these bytes."""
    return b"Personnummer;Enhet;%b;Datum\r\n%b;%b;%b;2026-05-20\r\n" % (laekare, *map(str.encode, (TOLVAN, U, D)))


FILES = (
    CsvFile("UTF-8 with a mark", ONE, LINK, encoding="utf-8-sig"),
    CsvFile("UTF-8 with two marks", "\ufeff" + ONE, LINK, encoding="utf-8-sig"),
    CsvFile("UTF-8 as a Mac decomposes it", header_of(b"La\xcc\x88kare"), LINK),
    CsvFile("Windows-1252", header_of(b"L\xe4kare"), LINK),
    CsvFile("UTF-16 little-endian with a mark", codecs.BOM_UTF16_LE + ONE.encode("utf-16-le"), LINK),
    CsvFile("UTF-16 big-endian with a mark", codecs.BOM_UTF16_BE + ONE.encode("utf-16-be"), LINK),
    CsvFile("UTF-16 without a mark", ONE, LINK, encoding="utf-16-le"),
    CsvFile("UTF-16 big-endian without a mark", ONE, LINK, encoding="utf-16-be"),
    CsvFile("UTF-32 with a mark", ONE, refused=WHOLE, encoding="utf-32"),
    CsvFile("UTF-32 without a mark", ONE, refused=WHOLE, encoding="utf-32-le"),
    CsvFile("UTF-32 big-endian without a mark", ONE, refused=WHOLE, encoding="utf-32-be"),
    CsvFile("Mac OS Roman, excel's CSV (Macintosh)", header_of(b"L\x8akare").replace(b"\r\n", b"\r"), refused=GARBLED),
    CsvFile("Mac OS Roman in capitals", header_of(b"L\x80KARE"), refused=GARBLED),
    CsvFile("code page 850, excel's CSV (MS-DOS)", header_of(b"L\x84kare"), refused=GARBLED),
    CsvFile("code page 850 in capitals", header_of(b"L\x8eKARE"), refused=GARBLED),
    CsvFile("code page 437 with Åsa in a column of names",
            header_of(b"L\x84kare").replace(b"Datum", b"Namn").replace(b"2026-05-20", b"\x8fsa"),
            refused=(f"rad 2: ett tecken går inte att läsa: {ENCODING}",)),
    CsvFile("Mac OS Roman without a header, with its no-break space", f"1912\xa01212 1212;{U};{D};\r", refused=(
        f"rad 1: ett tecken går inte att läsa: {ENCODING}",), encoding="mac_roman"),
    CsvFile("Mac OS Roman without a header or other letters than ASCII's", f"{TOLVAN};{U};{D};{DAY}\r",
            {1: (TOLVAN, DAY)}, encoding="mac_roman"),
    CsvFile("seven bits, with { for ä", header_of(b"L{kare"), refused=GARBLED),
    CsvFile("EBCDIC", ONE, refused=WHOLE, encoding="cp1140"),
    CsvFile("UTF-7", header_of(b"L+AOQ-kare"), refused=GARBLED),
    CsvFile("UTF-8 read as Windows-1252 and saved again", header_of("LÃ¤kare".encode()), refused=GARBLED),
    CsvFile("the same in capitals", header_of("LÃ„KARE".encode()), refused=GARBLED),
    CsvFile("letters lost to replacement characters", header_of("L\ufffdkare".encode()), refused=GARBLED),
    CsvFile("letters lost to question marks", header_of(b"L?kare"), refused=GARBLED),
    CsvFile("letters left out", header_of(b"Lkare"), refused=GARBLED),
    CsvFile("quoted-printable out of a mail", header_of(b"L=C3=A4kare"), refused=GARBLED),
    CsvFile("entities out of a web page", header_of(b"L&auml;kare"), refused=GARBLED),
    CsvFile("most of it UTF-8, one row Windows-1252",
            header_of("Läkare".encode()).replace(b"Datum", b"Namn").replace(b"2026-05-20", b"\xc5sa"), refused=GARBLED),
    CsvFile("a mark of UTF-8 before Windows-1252", codecs.BOM_UTF8 + header_of(b"L\xe4kare"), refused=(
        "rad 1: ett tecken kan inte läsas som UTF-8; spara filen som CSV UTF-8",)),
    CsvFile("UTF-16 cut off in a character", ONE.encode("utf-16-le")[:-1], refused=(
        "rad 3: ett tecken kan inte läsas som UTF-16-LE; spara filen som CSV UTF-8",)),
    CsvFile("a zero among the text", ONE.replace("1912", "1912\x00"), refused=(
        "rad 2: ett styrtecken som inte hör hemma i en textfil",)),
    CsvFile("an Excel workbook under another name", b"PK\x03\x04\x14\x00\x06\x00", refused=(
        "filen är en Excel-arbetsbok (.xlsx) eller ett arkiv; spara den som CSV",)),
    CsvFile("an old Excel workbook under another name", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", refused=(
        "filen är en äldre Excel-arbetsbok (.xls); spara den som CSV",)),
    CsvFile("a web page that a system calls Excel", f"\r\n<html><table><tr><td>{HEADER}</td></tr></table>", refused=(
        "filen är en webbsida eller XML, som en del system kallar Excel; öppna den i Excel och spara den som CSV",)),
    CsvFile("a PDF under another name", b"%PDF-1.7\n", refused=("filen är en PDF; spara tabellen som CSV",)),
    CsvFile("a word processor's file", b"{\\rtf1\\ansi 19900602-2397}", refused=(
        "filen är ett ordbehandlingsdokument (RTF); spara tabellen som CSV",)),
    CsvFile("a compressed file", b"\x1f\x8b\x08\x00", refused=(
        "filen är ett komprimerat arkiv (gzip); packa upp den först",)),
    CsvFile("nothing at all", b"", refused=("filen har inga rader",)),
    CsvFile("nothing but a mark", codecs.BOM_UTF8, refused=("filen har inga rader",)),
)  # fmt: skip
