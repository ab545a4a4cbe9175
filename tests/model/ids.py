"""Personnummer, HSA-ids, ages and patient keys, read straight from the rules (L8, D2, glossary)."""

import base64
import hashlib
import hmac
import re
import unicodedata
from datetime import date

HSA = re.compile(r"SE(?:16[0-9]{10}|(?!16)[0-9]{10})-[A-Z0-9]+")


def hsa_id(text: str) -> str | None:
    """Upper-case HSA-id, or None when it is none."""
    upper = text.upper()
    sound = text.isascii() and len(upper) <= 31 and HSA.fullmatch(upper)
    return upper if sound and not stands_in(upper.partition("-")[2]) else None


def day(text: str) -> date | None:
    """A date written YYYY-MM-DD, or None when it is none."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def real_date(year: int, month: int, day_of_month: int) -> bool:
    """Whether the calendar has this day."""
    try:
        date(year, month, day_of_month)
    except ValueError:
        return False
    return True


def check_digit(nine: str) -> int:
    """The tenth digit of a Swedish id, from the nine before it."""
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(nine)]
    return -sum(number // 10 + number % 10 for number in doubled) % 10


def patient_kind(text: str) -> str | None:
    """`personnummer`, `other` (recognised, out of scope) or None: none of these (L8)."""
    if len(text) != 12:
        return None
    if not re.fullmatch(r"[0-9]{12}", text):
        return "other" if any(letter.isalpha() for letter in text) else None
    year, month, dom = int(text[:4]), int(text[4:6]), int(text[6:8])
    if text[:2] not in ("18", "19", "20") or month > 12 or 32 <= dom <= 59:
        return "other"
    sound = check_digit(text[2:11]) == int(text[11])
    if sound and real_date(year, month, dom):
        return "personnummer"
    return "other" if sound and dom > 60 and real_date(year, month, dom - 60) else None


def stands_in(text: str) -> bool:
    """Whether a personnummer or samordningsnummer can be read in the text, apart from other digits (D1)."""
    found = re.findall(r"(?<![0-9])([0-9]{8})[-+]?([0-9]{4})(?![0-9])", text)
    found += [
        (century + six, four)
        for six, four in re.findall(r"(?<![0-9])([0-9]{6})[-+]([0-9]{4})(?![0-9])", text)
        for century in ("19", "20")
    ]
    return any(
        patient_kind(eight + four) == "personnummer" or (patient_kind(eight + four) and 61 <= int(eight[6:]) <= 91)
        for eight, four in found
        if eight[:2] in ("18", "19", "20") and int(eight[4:6]) <= 12
    )


def personnummer(born: str, number: int = 238) -> str:
    """A test person's id: `born` as YYYYMMDD, birth number 238 or 239."""
    return f"{born}{number}{check_digit(f'{born[2:]}{number}')}"


def patient_key(patient_id: str, secret: str) -> str:
    """D2."""
    digest = hmac.new(secret.encode(), patient_id.encode(), hashlib.sha256).digest()
    return base64.b32encode(digest).decode().rstrip("=")[:26].lower()


def age(patient_id: str, today: date) -> int:
    """Whole years reached today; one born 29 February has the birthday on 1 March in other years."""
    born = int(patient_id[:4]), int(patient_id[4:6]), int(patient_id[6:8])
    return today.year - born[0] - ((today.month, today.day) < born[1:])


def visible(name: str) -> str:
    """The name without blanks around it; empty where nothing of it can be seen (P6)."""
    return name.strip() if any(unicodedata.category(letter)[0] in "LNPS" for letter in name) else ""
