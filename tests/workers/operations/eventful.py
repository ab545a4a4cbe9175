"""A history in which almost every record needs what an earlier one changed, and days do a lot."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.harness.records import Record, Sender, choice, employment
from tests.harness.workload import people

HOME, AWAY, OLD = (f"SE2321000131-E00000000071{one}" for one in range(3))
LEAVER, STAYER, GUARDED, BUSY = (f"SE2321000131-E00000000762{one}" for one in range(4))
PATIENTS = people(12)


def eventful() -> list[Record]:
    """From 2026-05-26, when it begins, to 2026-06-03."""
    to = Sender(datetime(2026, 5, 26, 8, tzinfo=UTC), source="eventful")
    keys = {patient: f"key-{number}" for number, patient in enumerate(PATIENTS)}

    def listed(patient: str, unit: str, sequence: int = 1, **more: Any) -> Record:
        return to.listing(patient, sequence, keys[patient], current=choice(unit, "2026-01-01"), **more)

    def linked(patient: str, doctor: str, unit: str = HOME, **more: Any) -> Record:
        return to.command("link-patient", unit, patient_id=patient, doctor_hsa_id=doctor, **more)

    def part(number: int, import_id: str, *patients: str, unit: str = HOME, parts: int = 2, **more: Any) -> Record:
        rows = [
            {"row": 10 * number + at, "patient_id": patient, "unit_hsa_id": unit, "doctor_hsa_id": STAYER}
            for at, patient in enumerate(patients)
        ]
        return to.command("import-links", unit, import_id=import_id, parts=parts, part=number, rows=rows, **more)

    def active(doctor: str, unit: str = HOME, **profile: Any) -> Record:
        return to.command("activate-doctor", unit, doctor_hsa_id=doctor, profile=profile)

    one, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve = PATIENTS
    first = linked(one, LEAVER)
    moving = part(1, "moving", nine, unit=OLD)
    return [
        to.day("2026-05-26"),
        to.unit(HOME, 1, name="Hemmet"),
        to.unit(AWAY, 1, name="Andra"),
        to.unit(OLD, 1, name="Gamla", end="2026-05-30", replaced_by=HOME),
        to.staff(LEAVER, 1, employments=[employment(HOME, end="2026-05-27"), employment(AWAY)]),
        to.staff(STAYER, 1, employments=[employment(HOME), employment(OLD)]),
        to.staff(GUARDED, 1, employments=[employment(HOME, absences=[{"start": "2026-05-28", "end": "2026-05-29"}])]),
        to.staff(BUSY, 1, employments=[employment(HOME), employment(AWAY)]),
        active(LEAVER),
        active(STAYER),
        active(STAYER, OLD),
        active(GUARDED),
        active(BUSY, patient_ceiling=2),
        *(listed(patient, HOME) for patient in PATIENTS[:6]),
        listed(seven, HOME, upcoming=choice(AWAY, "2026-05-29")),
        listed(eight, OLD),
        listed(nine, OLD),
        first,
        linked(two, LEAVER),
        linked(three, BUSY),
        linked(four, BUSY),
        linked(five, BUSY),
        linked(five, BUSY, override=["ceiling"]),
        linked(seven, STAYER),
        linked(eight, STAYER, OLD),
        first,
        to.command("unlink-patient", HOME, patient_id=five),
        to.command("unlink-patient", HOME, patient_id=four),
        linked(five, BUSY),
        part(1, "keys", ten, four),
        listed(ten, HOME),
        part(2, "keys", six),
        part(2, "keys", six),
        part(1, "tried", four, six, dry_run=True),
        part(2, "tried", eleven, dry_run=True),
        part(1, "tried", four),
        part(2, "tried", six),
        part(1, "guarded", twelve),
        listed(twelve, HOME),
        linked(twelve, GUARDED),
        listed(twelve, HOME, 2, protected=True),
        part(2, "guarded", six),
        part(1, "guarded anew", six),
        linked(twelve, GUARDED),
        to.command("distribute-patients", HOME, seed=7, dry_run=True),
        to.command("distribute-patients", HOME, seed=7, limit=2),
        to.command("move-patients", HOME, from_doctor_hsa_id=BUSY, to_doctor_hsa_id=STAYER),
        to.id_changed(three, eleven, 2, keys[three]),
        linked(three, STAYER),
        linked(eleven, GUARDED),
        part(1, "incomplete", one),
        to.command("pause-doctor", HOME, doctor_hsa_id=STAYER, start="2026-05-27", end="2026-05-29"),
        to.day("2026-05-27"),
        linked(six, STAYER),
        to.day("2026-05-28"),
        part(2, "incomplete", one),
        to.unit(HOME, 2, name="Hemmet vid sjön"),
        to.day("2026-05-29"),
        to.staff(GUARDED, 2, protected=True),
        to.tombstone("vardval.listing.v1", keys[one]),
        to.day("2026-05-30"),
        moving,
        listed(two, HOME, 2, upcoming=choice(AWAY, "2026-06-02")),
        to.day("2026-05-31"),
        part(2, "moving", eight, unit=HOME),
        to.command("distribute-patients", HOME, seed=8),
        to.staff(BUSY, 2, employments=[employment(HOME, end="2026-06-01")]),
        to.day("2026-06-03"),
        to.day("2026-06-03"),
        to.staff_removed(STAYER, 3),
        moving,
    ]
