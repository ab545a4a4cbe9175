"""`distribute-patients` (C10)."""

from __future__ import annotations

import pytest

from handlers.world import Link
from schemas.command import DistributePatients
from tests.harness.builders import (
    DOCTOR,
    OTHER_DOCTOR,
    OTHER_UNIT,
    PATIENT,
    THIRD_DOCTOR,
    TODAY,
    UNIT,
    choice,
    deactivate,
    distribute,
    link,
    listing,
    patients,
    pause,
    post,
    staff,
    unit,
    update,
)
from tests.harness.region import Region, ready, shares

THREE = (DOCTOR, OTHER_DOCTOR, THIRD_DOCTOR)
YOUNG = patients(4, year=2015)


def region_of(number: int, *events: object) -> Region:
    """So many patients without a doctor and three doctors; and then."""
    listed = [listing(patient) for patient in patients(number - 1)]
    return ready(*listed, *events, doctors=THREE)


def test_c10_who_lacks_a_doctor_gets_one_from_today() -> None:
    region = region_of(5)
    assert region.asks(distribute()) == "done"
    assert {(change, reason) for _, change, reason in region.link_changes} == {("assigned", "distributed")}
    link = region.link()
    assert link is not None
    assert link == Link(UNIT, link.doctor, TODAY)
    assert region.reply["counts"] == {
        "total": 5,
        "approved": 5,
        "faulty": 0,
        "updated": 5,
        "unplaced": {"no_free_place": 0, "age_outside_limits": 0},
    }


def test_c10_only_those_listed_at_the_unit_and_without_a_doctor() -> None:
    elsewhere, protected = patients(3)[1:]
    region = ready(
        link(), listing(elsewhere, choice(OTHER_UNIT)), listing(protected, protected=True), listing(patients(1)[0])
    )
    region.happens(distribute())
    assert region.since(1) == [(patients(1)[0], "assigned", "distributed")]


def test_c10_patients_listed_under_the_old_id_of_the_unit_are_found() -> None:
    region = ready(unit(OTHER_UNIT, replaced_by=UNIT), listing(PATIENT, choice(OTHER_UNIT), sequence=2))
    assert region.asks(distribute()) == "done"


def test_c10_only_over_doctors_who_take_patients() -> None:
    away = staff(THIRD_DOCTOR, post(away=((TODAY, TODAY),)), version=2)
    region = region_of(9, pause(OTHER_DOCTOR), away)
    region.happens(distribute())
    assert shares(region) == {DOCTOR: 9}


def test_c10_or_over_those_named() -> None:
    region = region_of(9)
    region.happens(distribute(OTHER_DOCTOR.lower(), OTHER_DOCTOR))
    assert shares(region) == {OTHER_DOCTOR: 9}


def test_c10_the_first_fault_of_those_named_answers() -> None:
    region = region_of(3, pause(OTHER_DOCTOR), deactivate(THIRD_DOCTOR))
    assert region.asks(distribute(DOCTOR, OTHER_DOCTOR, THIRD_DOCTOR)) == "doctor_paused"
    assert region.asks(distribute(DOCTOR, THIRD_DOCTOR, OTHER_DOCTOR)) == "doctor_not_active"
    assert region.link_changes == []


def test_c10_no_such_doctor_is_doctor_not_active() -> None:
    assert ready(pause()).asks(distribute()) == "doctor_not_active"


def test_c10_nobody_placed_is_unchanged() -> None:
    assert ready(link()).asks(distribute()) == "unchanged"
    assert ready(update(patient_ceiling=0)).asks(distribute()) == "unchanged"


def test_c10_the_reply_says_who_could_not_be_placed_and_why() -> None:
    region = ready(*map(listing, YOUNG), update(patient_ceiling=2, age_max=15), doctors=(DOCTOR,))
    region.happens(distribute())
    assert region.reply["counts"] == {
        "total": 5,
        "approved": 2,
        "faulty": 3,
        "updated": 2,
        "unplaced": {"no_free_place": 2, "age_outside_limits": 1},
    }


def test_c10_nobody_whom_a_limit_lets_through_stays_without_because_another_does_not_fit() -> None:
    before = ready(*map(listing, YOUNG), update(age_max=15), doctors=(DOCTOR,))  # four fit, one does not
    for seed in range(20):
        region = before.copy()
        region.happens(distribute(seed=seed, limit=4))
        assert region.reply["counts"] == {"total": 4, "approved": 4, "faulty": 0, "updated": 4}


def test_c10_a_limit_is_the_most_who_are_placed_and_who_they_are_is_chance() -> None:
    chosen, before = set(), region_of(6)
    for seed in range(20):
        region = before.copy()
        region.happens(distribute(seed=seed, limit=2))
        chosen.add(tuple(sorted(patient for patient, _, _ in region.link_changes)))
        assert region.reply["counts"] == {"total": 2, "approved": 2, "faulty": 0, "updated": 2}
    assert len(chosen) > 5


def test_c10_a_limit_of_none_places_nobody() -> None:
    assert region_of(3).asks(distribute(limit=0)) == "unchanged"


@pytest.mark.parametrize("seed", [0, -1, 42, 2**63 - 1])
def test_c10_the_same_state_and_seed_give_the_same_result(seed: int) -> None:
    first, second = region_of(12), region_of(12)
    first.happens(distribute(seed=seed))
    second.happens(distribute(seed=seed))
    assert first.link_changes == second.link_changes
    assert [first.link(p) for p in patients(11)] == [second.link(p) for p in patients(11)]


def test_c10_another_seed_gives_another_result() -> None:
    results, before = set(), region_of(12)
    for seed in range(5):
        region = before.copy()
        region.happens(distribute(seed=seed))
        results.add(tuple(link.doctor for p in patients(11) if (link := region.link(p))))
    assert len(results) == 5


def test_c10_the_seed_is_in_the_command() -> None:
    assert DistributePatients.model_fields["seed"].is_required()


def test_contract_a_dry_run_says_the_same_and_changes_nothing() -> None:
    region = region_of(5)
    assert region.asks(distribute(dry_run=True)) == "done"
    dry = dict(region.reply)
    assert region.link_changes == []
    region.happens(distribute())
    assert {"dry_run": True, **region.reply, "command_id": dry["command_id"]} == dry
