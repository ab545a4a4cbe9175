"""What is left out of replies, audit rows and waiting imports because it could be a patient's id (D1)."""

from __future__ import annotations

from schemas.ids import PatientKind, normal_hsa_id, patient_kind

#: no id of anything is longer; what is would come back in a key and a value, and its digits take a second for 1 MiB
_LONGEST_SHOWN = 200
_PERSONAL = (PatientKind.PERSONNUMMER, PatientKind.SAMORDNINGSNUMMER)


def redact_unit(text: str) -> str:
    """An HSA-id in its normal form, else the text; anything that could be a patient's id is left out (D1), and what is
    longer than 200 characters."""
    if len(text) > _LONGEST_SHOWN:
        return ""
    normal = normal_hsa_id(text)
    if normal is not None and not contains_patient_id(normal.rpartition("-")[2]):
        return normal
    return "" if contains_patient_id(text) else text


def shown_row(row: int) -> int:
    """The number of a file's row as the sender gave it; 0 where that could be a patient's id (D1)."""
    return 0 if contains_patient_id(str(row)) else row


def contains_patient_id(text: str) -> bool:
    """Whether the digits of the text hold a personnummer or samordningsnummer, with or without its century."""
    digits = "".join(char for char in text if char.isdigit())
    candidates = [digits[i : i + 12] for i in range(len(digits) - 11)]
    candidates += [century + digits[i : i + 10] for century in ("19", "20") for i in range(len(digits) - 9)]
    return any(patient_kind(candidate) in _PERSONAL for candidate in candidates)
