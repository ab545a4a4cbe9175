"""Distribution, whatever the doctors' ceilings, ages and percents: sound, fair, and the same again (C10)."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.commands.checks import fits
from handlers.world import Patient, Profile
from tests.harness.builders import (
    DOCTOR,
    OTHER_DOCTOR,
    THIRD_DOCTOR,
    TODAY,
    activate,
    distribute,
    listing,
    patients,
    staff,
)
from tests.harness.region import Region, shares

DOCTORS = (DOCTOR, OTHER_DOCTOR, THIRD_DOCTOR)
LACKING = [*patients(8, year=1950), *patients(8, year=1990), *patients(8, year=2015)]

profiles = st.builds(
    Profile,
    work_percent=st.none() | st.integers(1, 100),
    patient_ceiling=st.none() | st.integers(0, 12),
    age_min=st.none() | st.integers(0, 40),
    age_max=st.none() | st.integers(20, 100),
).filter(Profile.sound)


def region_of(profiles: list[Profile], number: int = len(LACKING)) -> Region:
    """Doctors with these profiles, and so many patients without a doctor."""
    region = Region(*(event for doctor in DOCTORS for event in (staff(doctor), activate(doctor))))
    for doctor, profile in zip(DOCTORS, profiles, strict=True):
        region.entry(doctor).profile = profile
    for patient in LACKING[:number]:
        region.happens(listing(patient))
    return region


def left_without(region: Region) -> list[Patient]:
    return [patient for patient in region.patients.values() if patient.link is None]


@settings(max_examples=40, deadline=None)
@given(st.lists(profiles, min_size=3, max_size=3), st.integers(0, len(LACKING)), st.integers(-(2**63), 2**63 - 1))
def test_c10_no_ceiling_is_exceeded_no_age_limit_broken_and_nobody_left_while_one_who_fits_has_room(
    profiles: list[Profile], number: int, seed: int
) -> None:
    region = region_of(profiles, number)
    region.happens(distribute(seed=seed))
    counted = shares(region)
    room = {}
    for doctor, profile in zip(DOCTORS, profiles, strict=True):
        ceiling = profile.patient_ceiling
        assert ceiling is None or counted.get(doctor, 0) <= ceiling
        room[doctor] = ceiling is None or counted.get(doctor, 0) < ceiling
        assert all(fits(profile, patient, TODAY) for patient in region.linked(doctor))
    for patient in left_without(region):
        assert not any(room[d] and fits(p, patient.id, TODAY) for d, p in zip(DOCTORS, profiles, strict=True))
    counts = region.reply["counts"]
    assert (counts["total"], counts["updated"]) == (number, sum(counted.values()))
    assert sum(counts["unplaced"].values()) == counts["faulty"] == len(left_without(region))


@settings(max_examples=15, deadline=None)
@given(st.lists(profiles, min_size=3, max_size=3), st.integers(0, 2**63 - 1))
def test_c10_the_same_state_and_seed_give_the_same_result(profiles: list[Profile], seed: int) -> None:
    before = region_of(profiles)
    one, other = before.copy(), before.copy()
    one.happens(distribute(seed=seed))
    other.happens(distribute(seed=seed))
    assert {i: p.link for i, p in one.patients.items()} == {i: p.link for i, p in other.patients.items()}


def share_of(profiles: list[Profile], number: int, seeds: int = 1000) -> list[float]:
    """What part of all patients each doctor got, over a fixed set of seeds."""
    before, total = region_of(profiles, number), Counter[str]()
    for seed in range(seeds):
        region = before.copy()
        region.happens(distribute(seed=seed))
        total.update(shares(region))
    return [total[doctor] / total.total() for doctor in DOCTORS]


def near(shares: list[float], promised: list[float]) -> bool:
    """Within four standard deviations of 12 000 independent draws."""
    return all(abs(got - p) < 4 * (p * (1 - p) / 12_000) ** 0.5 for got, p in zip(shares, promised, strict=True))


def test_c10_shares_follow_the_free_places_where_every_doctor_has_a_ceiling() -> None:
    profiles = [Profile(patient_ceiling=ceiling, work_percent=100 - ceiling) for ceiling in (10, 20, 30)]
    assert near(share_of(profiles, 12), [1 / 6, 2 / 6, 3 / 6])


def test_c10_shares_follow_the_work_percent_where_any_doctor_has_no_ceiling_and_missing_is_100() -> None:
    profiles = [Profile(work_percent=50), Profile(patient_ceiling=2000), Profile(work_percent=100, patient_ceiling=900)]
    assert near(share_of(profiles, 12), [0.2, 0.4, 0.4])


def test_c10_free_places_are_those_that_are_left() -> None:
    region = region_of([Profile(patient_ceiling=ceiling) for ceiling in (24, 1, 0)])
    region.happens(distribute())
    assert shares(region).get(THIRD_DOCTOR) is None
    assert sum(shares(region).values()) == len(LACKING)


def test_c10_every_patient_has_the_same_chance_of_the_last_place() -> None:
    before, chosen = region_of([Profile(patient_ceiling=1), *[Profile(patient_ceiling=0)] * 2], 4), Counter[int]()
    for seed in range(1000):
        region = before.copy()
        region.happens(distribute(seed=seed))
        chosen.update(region.linked())
    assert len(chosen) == 4
    assert all(abs(times - 250) < 55 for times in chosen.values())  # four standard deviations
