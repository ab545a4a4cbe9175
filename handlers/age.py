"""A patient's age, in whole years reached today (glossary in rules.md)."""

from __future__ import annotations

from datetime import date

from handlers.world import Profile


def age(patient_id: int, today: date) -> int:
    """Whole years; the personnummer begins with the birthday. One born on 29 February turns older on 1 March."""
    born, birthday = divmod(patient_id // 10_000, 10_000)
    return today.year - born - (today.month * 100 + today.day < birthday)


def fits(profile: Profile, patient_id: int, today: date) -> bool:
    """Whether the patient's age lies within the doctor's limits (C6, C7)."""
    years = age(patient_id, today)
    low, high = profile.age_min, profile.age_max
    return (low is None or low <= years) and (high is None or years <= high)
