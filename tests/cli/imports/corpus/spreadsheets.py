"""As Excel, LibreOffice, Numbers and Google Sheets save a sheet."""

from __future__ import annotations

from tests.cli.imports.corpus.file import DAY, HEADER, MIDDLE, TODAY, TOLVAN, YOUNG, ZEROS, CsvFile, D, U, table

BOTH = table(f"{TOLVAN};@;{DAY}", f"19900602-2397;@;{DAY}")
LINKS = {2: (TOLVAN, DAY), 3: (MIDDLE, DAY)}

FILES = (
    CsvFile("excel CSV UTF-8", BOTH, LINKS, encoding="utf-8-sig"),
    CsvFile("excel CSV on Windows", BOTH, LINKS, encoding="cp1252"),
    CsvFile("excel Unicode text, tabs", BOTH.replace(";", "\t"), LINKS, encoding="utf-16"),
    CsvFile("excel with English settings, commas", BOTH.replace(";", ","), LINKS, encoding="cp1252"),
    CsvFile("excel on a Mac, CSV UTF-8, carriage returns", BOTH.replace("\r\n", "\r"), LINKS, encoding="utf-8-sig"),
    CsvFile("excel's line ends doubled on the way", BOTH.replace("\r\n", "\r\r\n"),
            {3: (TOLVAN, DAY), 5: (MIDDLE, DAY)}),
    CsvFile("libreoffice, line feeds, all text in quotes",
            f'"Personnummer";"Enhetens HSA-id";"Läkarens HSA-id";"Datum"\n"{TOLVAN}";"{U}";"{D}";"{DAY}"\n',
            {2: (TOLVAN, DAY)}),
    CsvFile("google sheets, commas, no mark, no last line end",
            f"Personnummer,Enhetens HSA-id,Läkarens HSA-id,Datum\r\n{TOLVAN},{U},{D},{DAY}", {2: (TOLVAN, DAY)}),
    CsvFile("numbers, semicolons, a title of the sheet above",
            f"Tabell 1;;;\n{table(f'{TOLVAN};@;{DAY}', end=chr(10))}",
            refused=("rad 2: rubriken står här; ta bort raderna ovanför",)),
    CsvFile("excel names its separator first", f"sep=;\r\n{BOTH}", {3: (TOLVAN, DAY), 4: (MIDDLE, DAY)}),
    CsvFile("excel names a bar as its separator", "sep=|\r\n" + BOTH.replace(";", "|"),
            {3: (TOLVAN, DAY), 4: (MIDDLE, DAY)}),
    CsvFile("excel saved the separator line as a row", f"sep=;;;;\r\n{BOTH}", {3: (TOLVAN, DAY), 4: (MIDDLE, DAY)}),
    CsvFile("excel keeps the width of cells that were emptied", table(f"{TOLVAN};@;{DAY};;;;", header=f"{HEADER};;;;"),
            {2: (TOLVAN, DAY)}),
    CsvFile("excel keeps the height of rows that were emptied", BOTH + ";;;\r\n;;;\r\n", LINKS),
    CsvFile("excel with empty rows between", table("", f"{TOLVAN};@;{DAY}", ";;;", "", f"{MIDDLE};@;"),
            {3: (TOLVAN, DAY), 6: (MIDDLE, TODAY)}),
    CsvFile("excel took personnummer for numbers", table("191212121212,00;@;", "9006022397,0;@;"),
            {2: (TOLVAN, TODAY), 3: (MIDDLE, TODAY)}),
    CsvFile("excel took personnummer for numbers and lost their zeros", table("1012384;@;", "1701012393;@;"),
            {2: (ZEROS, TODAY), 3: (YOUNG, TODAY)}),
    CsvFile("excel shows thousands", table("199\xa0006\xa0022\xa0397;@;"), {2: (MIDDLE, TODAY)}, encoding="cp1252"),
    CsvFile("excel keeps text by an apostrophe", table(f"'{TOLVAN};@;'{DAY}"), {2: (TOLVAN, DAY)}),
    CsvFile("excel keeps text by a formula", table(f'="{TOLVAN}";="{U}";="{D}";="{DAY}"'), {2: (TOLVAN, DAY)}),
    CsvFile("excel saved such a formula once more", table(f'"=""{TOLVAN}""";"=""{U}""";"=""{D}""";'),
            {2: (TOLVAN, TODAY)}),
    CsvFile("opened and saved under another separator, each row in quotes",
            f'{HEADER}\r\n"{TOLVAN};{U};{D};{DAY}"\r\n',
            refused=("rad 2: hela raden står inom citattecken, eller har en annan avgränsare än de andra",)),
    CsvFile("the template, filled in without a date", table(f"{TOLVAN};@;", f"{MIDDLE};@"),
            {2: (TOLVAN, TODAY), 3: (MIDDLE, TODAY)}, encoding="utf-8-sig"),
    CsvFile("the template, not filled in", HEADER + "\n", refused=("filen har en rubrik men inga rader",),
            encoding="utf-8-sig"),
    CsvFile("the file of faulty rows, corrected",
            table("19900602-2397;@;2026-05-20;17;Datumet är inte giltigt.", header=f"{HEADER};Rad;Felmeddelande"),
            {2: (MIDDLE, DAY)}, unused=("E (Rad)", "F (Felmeddelande)"), encoding="utf-8-sig"),
)  # fmt: skip
