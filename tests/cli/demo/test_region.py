"""The made-up region has the promised size, and only ids that nobody real can have."""

from __future__ import annotations

from cli.demo.region import region
from schemas.ids import PatientKind, normal_hsa_id, patient_kind


def test_the_region_is_twenty_vardcentraler_with_120_doctors_and_20_000_residents() -> None:
    demo = region()
    assert (len(demo.units), len(demo.doctors), len(demo.residents)) == (20, 120, 20_000)
    assert all(demo.listed_at(unit) and len(demo.doctors_at(unit)) == 6 for unit in demo.units)


def test_every_id_is_sound_and_stands_for_one_only() -> None:
    demo = region()
    hsa_ids = [*(unit.hsa_id for unit in demo.units), *(doctor.hsa_id for doctor in demo.doctors)]
    assert [normal_hsa_id(id) for id in hsa_ids] == hsa_ids
    patients = {resident.patient_id for resident in demo.residents}
    assert len(set(hsa_ids)) == len(hsa_ids)
    assert len(patients) == len(demo.residents)
    assert {patient_kind(patient) for patient in patients} == {PatientKind.PERSONNUMMER}


def test_every_resident_is_of_the_series_kept_for_test_persons() -> None:
    assert {resident.patient_id[8:11] for resident in region().residents} == {"238", "239"}


def test_the_region_is_the_same_in_every_run() -> None:
    assert region() == region()


def test_a_personnummer_is_not_in_what_a_resident_looks_like() -> None:
    resident = region().residents[0]
    assert resident.patient_id not in repr(resident)
