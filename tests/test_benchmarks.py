"""The benchmark begins on tables as they are."""

from __future__ import annotations

from benchmarks.wave import Workload, events, seed
from infra.patient_keys import PatientKeys
from infra.postgres.connection import connect


async def test_the_wave_is_seeded_with_linked_patients_who_are_told_of(migrated_url: str) -> None:
    wave, keys = Workload(patients=50, events=100), PatientKeys(b"0123456789abcdef0123456789abcdef", 12)
    pg = await connect(migrated_url)
    await seed(pg, wave, keys)
    told = await pg.fetchval("SELECT count(*) FROM patient JOIN link ON link.patient_id = patient.id WHERE announced")
    await pg.close()
    assert (told, len(list(events(wave)))) == (50, 100)
