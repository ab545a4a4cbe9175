"""As it comes out of mail, chat, web pages and word processors."""

from __future__ import annotations

from tests.cli.imports.corpus.file import DAY, MIDDLE, TODAY, TOLVAN, CsvFile, D, U, table

ONE = table(f"{TOLVAN};@;{DAY}")
TOO_FEW = "har för få kolumner (1); är avgränsaren semikolon, komma eller tabb?"

FILES = (
    CsvFile("tabs out of a web page's table", ONE.replace(";", "\t").replace("\r\n", "\n"), {2: (TOLVAN, DAY)}),
    CsvFile("tabs with no-break spaces in empty cells", table(f"{TOLVAN};@;\xa0").replace(";", "\t"),
            {2: (TOLVAN, TODAY)}),
    CsvFile("empty rows of no-break and zero-width spaces", table("\xa0", f"{TOLVAN};@;{DAY}", "\u200b;\u200b;;"),
            {3: (TOLVAN, DAY)}),
    CsvFile("spaces for tabs out of a chat", ONE.replace(";", "   "), refused=(f"rad 1: rubriken {TOO_FEW}",)),
    CsvFile("a greeting above the table", f"Hej! Här kommer listan.\r\n\r\n{ONE}",
            refused=("rad 3: rubriken står här; ta bort raderna ovanför",)),
    CsvFile("a greeting below the table", f"{ONE}\r\nMvh Eva\r\n", refused=(f"rad 4: raden {TOO_FEW}",)),
    CsvFile("a mail's quotation marks", "".join(f"> {line}\r\n" for line in ONE.splitlines()),
            faulty={2: "invalid_patient_id"}),
    CsvFile("a mail's broken line", table(f"{TOLVAN};{U};").replace("\r\n", "\r\n", 1) + f"{D};{DAY}\r\n",
            refused=(f"rad 3: raden {TOO_FEW.replace('1', '2')}",)),
    CsvFile("a table of bars", f"| Personnummer | Enhet | Läkare |\n|---|---|---|\n| {TOLVAN} | {U} | {D} |\n",
            refused=(f"rad 1: rubriken {TOO_FEW}",)),
    CsvFile("a form's field, ids in curly quotes and dashes",
            table(f"“19900602–2397”;“{U.replace('-', '–')}”;“{D.replace('-', '–')}”;"), {2: (MIDDLE, TODAY)}),
    CsvFile("lines that end with semicolons",
            f"Personnummer;Enhet;Läkare;\r\n{TOLVAN};{U};{D};\r\n", {2: (TOLVAN, TODAY)}),
    CsvFile("all on one line", f"{TOLVAN};{U};{D};{DAY};{MIDDLE};{U};{D};{DAY}",
            refused=("rad 1: raden har fler kolumner än de fyra som väntas",)),
)  # fmt: skip
