"""Quotation marks, the spaces around them, and the line ends inside them."""

from __future__ import annotations

from tests.cli.imports.corpus.file import DAY, HEADER, MIDDLE, TODAY, TOLVAN, CsvFile, D, U, table

LINK = {2: (TOLVAN, DAY)}
QUOTED = f'"Personnummer"; "Enhet"; "Läkare"; "Datum"\r\n"{TOLVAN}"; "{U}"; "{D}"; "{DAY}"\r\n'

FILES = (
    CsvFile("a space before every quote", QUOTED, LINK, encoding="utf-8-sig"),
    CsvFile("a space after every quote", QUOTED.replace('"; ', '" ;'), LINK),
    CsvFile("spaces on both sides, also of the line",
            "".join(f"  {line} \r\n" for line in QUOTED.replace("; ", " ;  ").splitlines()), LINK),
    CsvFile("a tab before every quote", QUOTED.replace("; ", ";\t"), LINK),
    CsvFile("a no-break space before every quote", QUOTED.replace("; ", ";\xa0"), LINK, encoding="cp1252"),
    CsvFile("a zero-width space before every quote", QUOTED.replace("; ", ";\u200b"), LINK),
    CsvFile("commas, a space before every quote", QUOTED.replace(";", ","), LINK),
    CsvFile("tabs, a space before every quote", QUOTED.replace(";", "\t"), LINK),
    CsvFile("spaces and no quotes", table(f" {TOLVAN} ; {U} ; {D} ; {DAY} ", header=HEADER.replace(";", " ; ")), LINK),
    CsvFile("spaces inside the quotes", f'{HEADER}\r\n" {TOLVAN} ";" {U}";"{D} ";" "\r\n', {2: (TOLVAN, TODAY)}),
    CsvFile("apostrophes for quotes", table(f"'{TOLVAN}';'{U}';'{D}';'{DAY}'"), LINK),
    CsvFile("a word processor's quotes", table(f"”{TOLVAN}”;”{U}”;”{D}”;”{DAY}”"), LINK),
    CsvFile("quotes saved once more", f'{HEADER}\r\n"""{TOLVAN}""";"""{U}""";"""{D}""";"""{DAY}"""\r\n', LINK),
    CsvFile("a title over two lines", f'Personnummer;Enhet;"Läkarens\nHSA-id"\r\n{TOLVAN};{U};{D}\r\n',
            {3: (TOLVAN, TODAY)}),
    CsvFile("an HSA-id over two lines", table(f'{TOLVAN};{U};"SE2321000131-\nE000000007623";'), {2: (TOLVAN, TODAY)}),
    CsvFile("a note over three lines, with separators",
            table(f'{TOLVAN};@;"ett\r\ntvå; ""tre""\r\nfyra"', f"{MIDDLE};@;", header="Personnummer;Enhet;Läkare;Not"),
            {2: (TOLVAN, TODAY), 5: (MIDDLE, TODAY)}, unused=("D (Not)",)),
    CsvFile("a note with a quote and a separator inside",
            table(f'{TOLVAN};@;"sa ""ja"" ; ""nej"""', header="Personnummer;Enhet;Läkare;Not"),
            {2: (TOLVAN, TODAY)}, unused=("D (Not)",)),
    CsvFile("ditto marks in a column of notes",
            table(f'{TOLVAN};@;"', f'{MIDDLE};@;"', header="Personnummer;Enhet;Läkare;Not"), refused=(
                "rad 2: en cell går över flera rader som ser ut som egna rader; saknas ett citattecken?",)),
    CsvFile("spaced ditto marks in a column of notes",
            table(f'{TOLVAN};@; "', f'{MIDDLE};@; "', header="Personnummer;Enhet;Läkare;Not"), refused=(
                "rad 2: en cell går över flera rader som ser ut som egna rader; saknas ett citattecken?",)),
    CsvFile("a quote that is never closed", table(f'"{TOLVAN};@;{DAY}'), refused=(
        "rad 2: ett citattecken är inte avslutat, eller står mitt i en cell utan att vara dubblerat",)),
    CsvFile("text after a quote was closed", table(f'"{TOLVAN}"x;@;{DAY}'), refused=(
        "rad 2: ett citattecken är inte avslutat, eller står mitt i en cell utan att vara dubblerat",)),
)  # fmt: skip
