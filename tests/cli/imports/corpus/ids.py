"""Personnummer and HSA-ids, and what comes along with them."""

from __future__ import annotations

from tests.cli.imports.corpus.file import CENTENARIANS, DAY, HEADER, MIDDLE, TODAY, TOLVAN, YOUNG, CsvFile, D, U, table


def patient(cell: str, read: str | None, why: str = "") -> CsvFile:
    """A file with this personnummer; None: it is none."""
    name = f"personnummer {why or cell}"
    if read is None:
        return CsvFile(name, table(f"{cell};@;"), faulty={2: "invalid_patient_id"})
    return CsvFile(name, table(f"{cell};@;"), {2: (read, TODAY)})


def hsa(unit: str, doctor: str, why: str, faulty: bool = False) -> CsvFile:
    """A file with these HSA-ids."""
    content = f"{HEADER}\r\n{TOLVAN};{unit};{doctor};{DAY}\r\n"
    return CsvFile(f"HSA-id {why}", content, {} if faulty else {2: (TOLVAN, DAY)},
                   {2: "invalid_hsa_id"} if faulty else {})  # fmt: skip


def dashed(dash: str) -> tuple[str, str]:
    """Unit and doctor with this for a hyphen."""
    return U.replace("-", dash), D.replace("-", dash)


FILES = (
    patient("199006022397", MIDDLE),
    patient("19900602-2397", MIDDLE),
    patient("900602-2397", MIDDLE),
    patient("9006022397", MIDDLE),
    patient("121212+1212", TOLVAN),
    patient("170101-2393", YOUNG),
    patient("19900602 2397", MIDDLE),
    patient("19900602\u20132397", MIDDLE, "with an en dash"),
    patient("19900602\u22122397", MIDDLE, "with a minus sign"),
    patient("19900602\u20112397", MIDDLE, "with a non-breaking hyphen"),
    patient("19900602\u00ad2397", MIDDLE, "with a soft hyphen"),
    patient("19900602\x962397", MIDDLE, "with a dash that went from Windows-1252 through Latin-1"),
    patient("19900602\xa0-\xa02397", MIDDLE, "with no-break spaces"),
    patient("\u200b19900602\u200b-2397\ufeff", MIDDLE, "with zero-width spaces"),
    patient("\u202a19900602-2397\u202c", MIDDLE, "with marks of direction"),
    CsvFile("personnummer with + in twelve digits", table(f"19090527+2381;@;{DAY}", f"19090121+2399;@;{DAY}"),
            {row: (who, DAY) for row, who in zip((2, 3), CENTENARIANS, strict=True)}, encoding="utf-8-sig"),
    patient("19900602+2397", None, "with + in twelve digits, of one below a hundred"),
    patient("19090527-2381", None, "with - in twelve digits, of one above a hundred"),
    patient("900602-2398", None, "with a wrong check digit"),
    patient("19900662-2393", None, "that is a samordningsnummer"),
    patient("19900602-TF01", None, "that is a reserve number"),
    patient("99006022397", None, "with a digit missing"),
    patient("okänd", None),
    patient("", None, "left out"),
    hsa(*dashed("\u2013"), "with an en dash"),
    hsa(*dashed("\u2212"), "with a minus sign"),
    hsa(*dashed("\u2011"), "with a non-breaking hyphen"),
    hsa(*dashed("\u00ad"), "with a soft hyphen for its hyphen"),
    hsa(*dashed("-\u00ad"), "with a soft hyphen beside its hyphen"),
    hsa(*dashed("\u200b-\u2060"), "with zero-width marks"),
    hsa(*dashed(" - "), "with spaces around its hyphen"),
    hsa(f"{U}\xa0", f"\u202f{D}", "with no-break spaces around"),
    hsa(U.lower(), D.lower(), "in small letters"),
    hsa(*dashed(""), "without its hyphen", faulty=True),
    hsa(U, "Eva Ek", "that is a name", faulty=True),
    hsa(U, "", "left out", faulty=True),
    hsa(U, f"{D} (vik)", "with a note", faulty=True),
)  # fmt: skip
