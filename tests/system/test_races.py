"""Facts and commands that meet on the same patients and doctors in several processes (C14); afterwards all is whole."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from tests.harness.invariants import breaches, query
from tests.harness.records import Data, Record, choice, employment
from tests.harness.session import Session
from tests.harness.workload import AWAY, DOCTORS, HOME, Workload
from tests.model.ids import personnummer
from tests.scenarios.schedule import Step
from tests.system.conftest import Opener

pytestmark = pytest.mark.system

ANNA, BO, CILLA, DAVID = DOCTORS


class Races:
    """One installation; each race is sent at once, in one burst over all topics, and then looked at."""

    def __init__(self, session: Session, wave: Workload) -> None:
        self.session, self.wave, self.rng = session, wave, random.Random(5)
        self.version = 1
        self.days = iter(("2025-05-27", "2025-05-28", "2025-05-29"))

    def command(self, name: str, place: int, /, **fields: object) -> Record:
        """One that may be read by any process: the key is not the unit's, so that commands meet."""
        return replace(self.wave.sender.command(name, HOME, **fields), key=f"{HOME}-{place}")

    def links(self, doctors: list[str]) -> list[Record]:
        """Every patient asked for, by each of the doctors in turn."""
        return [
            self.command("link-patient", number, patient_id=patient, doctor_hsa_id=doctors[number % len(doctors)])
            for number, patient in enumerate(self.wave.patients)
        ]  # fmt: skip

    def imported(self, name: str, doctor: str) -> Record:
        """All patients to one doctor in one file."""
        rows = [{"row": number, "patient_id": one, "unit_hsa_id": HOME, "doctor_hsa_id": doctor}
                for number, one in enumerate(self.wave.patients, start=1)]  # fmt: skip
        return self.command("import-links", 99, import_id=name, part=1, parts=1, rows=rows)

    def staff(self, doctor: str, **fields: object) -> Record:
        """The doctor's newest state; by default employed at both units."""
        self.version += 1
        data: Data = {"employments": [employment(HOME), employment(AWAY)]} | fields
        return self.wave.sender.staff(doctor, self.version, **data)

    def listings(self, unit: str, share: float = 1.0) -> list[Record]:
        """So many patients' vårdval."""
        return [self.wave.listing(one, unit) for one in self.wave.patients if self.rng.random() < share]

    def run(self, name: str, records: list[Record]) -> list[str]:
        """All at once, in no order but that of their keys."""
        waiting: dict[tuple[str, str | None], list[Record]] = {}
        for record in records:
            waiting.setdefault((record.topic, record.key), []).append(record)
        turns = self.rng.sample(records, len(records))
        self.session.step(Step([waiting[one.topic, one.key].pop(0) for one in turns]), 90)
        return [f"{name}: {breach}" for breach in breaches(self.session)]

    def restore(self) -> None:
        """Everybody employed, active without ceiling or pause, listed at home."""
        for step in (
            [self.staff(one) for one in DOCTORS],
            self.listings(HOME),
            [self.wave.sender.command("activate-doctor", HOME, doctor_hsa_id=one, profile={"patient_ceiling": None})
             for one in DOCTORS],
            [self.wave.sender.command("resume-doctor", HOME, doctor_hsa_id=one) for one in DOCTORS],
        ):  # fmt: skip
            self.session.step(Step(step))

    def ceilings(self, doctor: str, ceiling: int) -> None:
        """The doctor takes at most so many."""
        profile = {"patient_ceiling": ceiling}
        self.session.step(Step([self.command("update-doctor-profile", 0, doctor_hsa_id=doctor, profile=profile)]))


def test_whatever_meets_in_several_processes_leaves_everything_whole(opened: Opener) -> None:
    session, wave = opened(3, BATCH_RECORDS="40"), Workload(160)
    for step in wave.opening():
        session.step(step)
    races = Races(session, wave)
    found: list[str] = []
    for name, race in RACES.items():
        found += race(races, name)
        races.restore()
    found += breaches(session) + session.leaks(wave.patients)
    assert not found, "\n".join(found[:20])


def against_relisting(races: Races, name: str) -> list[str]:
    return races.run(name, [*races.links([ANNA, BO]), *races.listings(AWAY, 0.6), *races.listings(HOME, 0.3)])


def against_pause(races: Races, name: str) -> list[str]:
    pauses = [races.command("pause-doctor", n, doctor_hsa_id=ANNA) for n in range(4)]
    return races.run(name, [*races.links([ANNA, BO]), *pauses])


def against_deactivation(races: Races, name: str) -> list[str]:
    deactivations = [
        races.command("deactivate-doctor", n, doctor_hsa_id=one, links="end") for n, one in enumerate((ANNA, BO))
    ]
    return races.run(name, [*races.links([ANNA, BO]), *deactivations])


def against_the_employment_that_ends(races: Races, name: str) -> list[str]:
    facts = [races.staff(ANNA, employments=[employment(AWAY)]), races.staff(BO, protected=True)]
    return races.run(name, [*races.links([ANNA, BO]), *facts])


def import_distribution_and_move_of_the_same_patients(races: Races, name: str) -> list[str]:
    asked = [races.imported(f"{name}-1", ANNA), races.imported(f"{name}-2", BO)]
    for place, (giver, taker) in enumerate(((ANNA, BO), (BO, CILLA), (CILLA, DAVID), (DAVID, ANNA))):
        asked.append(
            races.command("move-patients", place, from_doctor_hsa_id=giver, to_doctor_hsa_id=taker)
        )  # fmt: skip
        asked.append(races.command("distribute-patients", place + 5, seed=place, limit=50))
    unlinked = [races.command("unlink-patient", n, patient_id=one) for n, one in enumerate(races.wave.patients[::3])]
    return races.run(name, [*asked, *unlinked, *races.links([ANNA, CILLA])])


def the_last_free_place(races: Races, name: str) -> list[str]:
    unlinked = [races.command("unlink-patient", n, patient_id=one) for n, one in enumerate(races.wave.patients)]
    races.session.step(Step(unlinked))
    races.ceilings(DAVID, 7)
    spread = races.command("distribute-patients", 3, seed=1, doctor_hsa_ids=[DAVID])
    found = races.run(name, [*races.links([DAVID]), spread, races.imported(f"{name}-1", DAVID)])
    (linked,) = query(races.session.installation.database_url, f"SELECT count(*) FROM link WHERE doctor = '{DAVID}'")
    return found + ([] if linked[0] == 7 else [f"{name}: {linked[0]} linked, 7 places"])


def the_day_turns_during_an_import(races: Races, name: str) -> list[str]:
    day = next(races.days)
    coming = [races.wave.listing(one, HOME, upcoming=choice(AWAY, day)) for one in races.wave.patients[::2]]
    races.session.step(Step(coming))
    turn = races.wave.sender.day(day)
    return races.run(
        name, [races.imported(f"{name}-1", ANNA), turn, races.imported(f"{name}-2", BO), *races.links([CILLA])]
    )


def ids_change_during_a_move(races: Races, name: str) -> list[str]:
    wave = races.wave
    races.session.step(Step([races.imported(f"{name}-1", ANNA)]))
    changed = []
    for number, old in enumerate(wave.patients[:40]):
        new = personnummer(f"19{10 + number // 12}{1 + number % 12:02}01", 239)
        wave.sequences[old] += 1
        wave.sequences[new] = wave.sequences[old]
        changed.append(wave.sender.id_changed(old, new, wave.sequences[old], f"change-{number}"))
        wave.patients[number] = new
    moves = [races.command("move-patients", n, from_doctor_hsa_id=giver, to_doctor_hsa_id=taker)
             for n, (giver, taker) in enumerate(((ANNA, BO), (BO, CILLA), (ANNA, DAVID)))]  # fmt: skip
    return races.run(name, [*changed, *moves])


RACES = {
    race.__name__.replace("_", " "): race
    for race in (
        against_relisting, against_pause, against_deactivation, against_the_employment_that_ends,
        import_distribution_and_move_of_the_same_patients, the_last_free_place, the_day_turns_during_an_import,
        ids_change_during_a_move,
    )
}  # fmt: skip
