"""What an id means as people and Excel write it, and which cells Excel has destroyed. What is not certain is never
guessed."""

from __future__ import annotations

import re
from datetime import date

from cli.imports.marks import SOFT_HYPHEN, plain, with_hyphens
from schemas.ids import PatientKind, normal_hsa_id, patient_kind

_spaces = re.compile(r"\s+")
_around_hyphen = re.compile(r"\s*-\s*")
_typographic_spaces = re.compile(r"[^\S \t\r\n]+")  # no-break and thin: nobody types them
_is_rounded = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?[eE][+-]?[0-9]+|[0-9]{6}0{6}").fullmatch
_is_too_wide = re.compile("#{2,}").fullmatch
_is_excel_error = re.compile(r"#([A-ZÅÄÖ0/]+[!?]|N/A|SAKNAS)").fullmatch
_has_zero_decimals = re.compile(r"([0-9]{7,12})[.,]0+").fullmatch
_is_twelve = re.compile(r"([0-9]{8})([-+]?)([0-9]{4})").fullmatch
_is_ten = re.compile(r"([0-9]{6})([-+]?)([0-9]{4})").fullmatch
_lost_zeros = re.compile(r"[1-9][0-9]{6,8}").fullmatch


def destroyed(cell: str) -> str | None:
    """What Excel has made of the cell so that its value is lost, as people see it; None where it is not."""
    text = plain(cell)
    if _is_rounded(text):
        return "Excel har gjort om {what} till ett avrundat tal (som 1,99E+11); skriv in det igen, som text"
    if _is_too_wide(text):
        return "{what} är sparat som ####, för kolumnen var för smal; gör den bredare i Excel och spara igen"
    if _is_excel_error(text):
        return "i stället för {what} står ett felvärde från Excel (som #SAKNAS!); rätta formeln eller skriv in värdet"
    return None


def patient_id(cell: str, today: date) -> str:
    """The personnummer in twelve digits; what cannot be one for certain comes back as it stands, for the service to
    judge. Ten digits get the century that the law gives them on `today`; in twelve a sign must agree with theirs."""
    text = plain(cell)
    digits = with_hyphens(_spaces.sub("", text))
    decimals = _has_zero_decimals(digits)
    if decimals is not None:
        digits = decimals[1]
    twelve = _is_twelve(digits)
    if twelve is not None:
        year, sign = int(twelve[1][:4]), twelve[2]
        agrees = not sign or (sign == "+") == (year <= _year_of_plus(today))
        return twelve[1] + twelve[3] if agrees else text
    ten = _is_ten(digits)
    if ten is not None:
        return _with_century(ten[1], ten[2], ten[3], today) or text
    if _lost_zeros(digits):
        padded = digits.zfill(10)
        found = _with_century(padded[:6], "", padded[6:], today)
        # the check digit tells lost zeros from a digit that was never typed
        if found is not None and patient_kind(found) is PatientKind.PERSONNUMMER:
            return found
    return text


def hsa_id(cell: str) -> str:
    """The HSA-id without the marks and spaces that copying adds; what is none comes back as it stands, for the service
    to judge. A soft hyphen may be its hyphen."""
    for hyphen in ("", "-"):
        text = with_hyphens(plain(cell.replace(SOFT_HYPHEN, hyphen)))
        found = _around_hyphen.sub("-", _typographic_spaces.sub("", text))
        if normal_hsa_id(found) is not None:
            return found
    return plain(cell)


def _year_of_plus(today: date) -> int:
    """Who is born this year or before has `+` from the beginning of this year on (18 § folkbokföringslagen)."""
    return today.year - 100


def _with_century(birth: str, sign: str, tail: str, today: date) -> str | None:
    """The birth date and number with their century; None where no century has that day.

    `-` or nothing: the last such day that is not to come. `+`, from the year of turning a hundred on: the last such day
    in a year that is a hundred years back or more.
    """
    month, day = int(birth[2:4]), int(birth[4:])
    for century in range(today.year // 100, 17, -1):
        year = century * 100 + int(birth[:2])
        try:
            born = date(year, month, day - 60 if day > 60 else day)  # a samordningsnummer
        except ValueError:
            continue
        if born > today or (sign == "+" and year > _year_of_plus(today)):
            continue
        return f"{year:04}{birth[2:]}{tail}"
    return None
