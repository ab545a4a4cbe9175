"""Records that are valid JSON and hurt: each ends in its one outcome, and everything else is heard as if it were not
there."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.harness.records import COMMAND, LISTING, STAFF, UNIT, Record, employment
from tests.harness.session import Session
from tests.harness.workload import DOCTORS, HOME, Workload
from tests.scenarios.schedule import Step

pytestmark = pytest.mark.system

DOCTOR = DOCTORS[0]
MICROSECONDS = 1_748_253_600_001_000


def incompressible(size: int) -> str:
    """Letters that no codec makes less of."""
    return "".join(random.Random(size).choices("abcdefghijklmnopqrstuvwxyzåäö", k=size))


def extreme(wave: Workload, patient: str) -> Iterator[tuple[str, Record]]:
    """What must come of it, and the record."""
    to = wave.sender
    leave = {"patient_id": patient}
    link = leave | {"doctor_hsa_id": DOCTOR}
    zero_time = {"attributes": {"time": "0001-01-01T00:00:00Z"}}
    yield "applied", to.staff(DOCTORS[1], 2, given_name="Ny", employments=[employment(HOME)], **zero_time)
    yield "stale", Record(STAFF, DOCTORS[1], None, (), MICROSECONDS)
    yield "dead", wave.listing(patient, HOME, care_burden=1.7976931348623157e308)
    yield "dead", wave.listing(patient, HOME, care_burden=1e308)
    yield "dead", to.staff(DOCTOR, 3, surname=incompressible(700_000))
    yield "dead", to.unit(HOME, 3, name=incompressible(700_000))
    long_profile = {"role": incompressible(700_000)}
    yield "refused", to.command("update-doctor-profile", HOME, doctor_hsa_id=DOCTOR, profile=long_profile)
    yield "dead", to.staff(DOCTOR, 4, employments=[employment(HOME)] * 5_000)
    yield "applied", to.staff(DOCTOR, 5, given_name="Maj", employments=[employment(HOME)] * 200)
    yield "dead", to.staff(DOCTOR, 6, employments=[employment(HOME, absences=[{}] * 101)])
    yield "dead", replace(wave.listing(patient, HOME), value=b'{"a":' * 200_000)
    yield "dead", replace(wave.listing(patient, HOME), value=b'{"patient_id":' + b"[" * 400_000 + b"]" * 400_000 + b"}")
    both = {"from_doctor_hsa_id": DOCTOR, "to_doctor_hsa_id": DOCTORS[1]}
    yield "refused", to.command("move-patients", HOME, **both, patient_ids=[""] * 40_000)
    yield "refused", to.command("link-patient", incompressible(200_000), **link)
    yield "dead", Record(LISTING, "nobody", b"{", (), MICROSECONDS)
    yield "dead", Record(UNIT, "nobody", None, (), 2**63 - 1)
    envelope = {"specversion": "1.0", "id": "x", "source": incompressible(513), "type": "x", "data": {}}
    yield "dead", Record(COMMAND, HOME, json.dumps(envelope).encode())
    yield "accepted", to.command("unlink-patient", HOME, **leave)


def test_no_record_stops_or_changes_what_the_others_cause(session: Session) -> None:
    session.topics.accept_any_timestamp()
    wave = Workload(4)
    wave.set_up(session)

    for outcome, record in extreme(wave, wave.patients[0]):
        before = session.installation.outcomes()
        session.step(Step([record]))
        assert session.installation.outcomes() - before == Counter({(record.topic, outcome): 1})

    assert list(session.differences()) == []
