"""What if and forecast on an installation that lives: what they say is what then happens, and they leave no trace."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from schemas.record_lines import LineRecord, to_line
from tests.harness.invariants import breaches
from tests.harness.records import CHANGES, REPLY, Record, employment, header
from tests.harness.session import Session
from tests.harness.workload import AWAY, DOCTORS, HOME, Workload
from tests.scenarios.schedule import Step
from tests.system.test_replay import contents

pytestmark = pytest.mark.system

#: the doctor topic has records for figures alone besides, whenever these come
COMPARED = (CHANGES, REPLY)


@pytest.fixture
def wave(session: Session) -> Workload:
    """Twelve patients linked at home; a doctor leaves it with the day, and four patients will be listed away."""
    wave = Workload(12)
    wave.set_up(session)
    leaving = wave.sender.staff(DOCTORS[0], 2, employments=[employment(HOME, end="2025-05-26"), employment(AWAY)])
    away = {"unit_hsa_id": AWAY, "valid_from": "2025-05-27"}
    session.step(Step([leaving, *(wave.listing(patient, HOME, upcoming=away) for patient in wave.patients[:4])]))
    return wave


def lines(records: Sequence[Record]) -> str:
    """As a file has them."""
    file = (LineRecord(r.topic, r.key.encode() if r.key else None, r.headers, r.value, r.timestamp) for r in records)
    return b"".join(map(to_line, file)).decode()


def published(session: Session, after: int) -> list[tuple[str, str | None]]:
    """Topic and id of what was heard since."""
    heard = session.topics.collect()[after:]
    return sorted((one.topic, header(one.headers, "ce_id")) for one in heard if one.topic in COMPARED)


def expected(said: Any) -> list[tuple[str, str]]:
    """The same, as what-if has it."""
    events = [event for one in said["records"] for event in one["events"]]
    return sorted((event["topic"], event["id"]) for event in events if event["topic"] in COMPARED)


def test_o2_what_records_would_do_is_what_sending_them_does(session: Session, wave: Workload) -> None:
    installation, one, two = session.installation, wave.patients[10], wave.patients[11]
    file = [
        wave.listing(one, AWAY),
        wave.sender.command("link-patient", AWAY, patient_id=one, doctor_hsa_id=DOCTORS[1]),
        wave.sender.command("link-patient", AWAY, patient_id=two, doctor_hsa_id=DOCTORS[1]),
        wave.sender.day("2025-05-27"),
        wave.sender.command("distribute-patients", AWAY, seed=3),
        wave.sender.staff(DOCTORS[1], 2, protected=True),
    ]
    before, heard = contents(installation.database_url), len(session.topics.collect())
    done = installation.run("what-if", "-", "--json", typed=lines(file))
    assert done.status == 1, done.stderr
    assert contents(installation.database_url) == before
    said = json.loads(done.stdout)
    outcomes = [record["outcome"] for record in said["records"]]
    assert outcomes == ["applied", "accepted", "refused", "applied", "accepted", "applied"]
    for record in file:
        session.step(Step([record]))
    assert published(session, heard) == expected(said)
    assert breaches(session) == []


def test_o2_what_is_foretold_of_a_day_is_what_its_turn_publishes(session: Session, wave: Workload) -> None:
    installation = session.installation
    before, heard = contents(installation.database_url), len(session.topics.collect())
    day = wave.sender.day("2025-05-27")
    foretold = installation.run("forecast", "--json")
    assert foretold.status == 0, foretold.stderr
    ids = expected(installation.run("what-if", "-", "--json", typed=lines([day])).json())
    assert contents(installation.database_url) == before
    said = foretold.json()
    (turn,) = said["days"]
    assert (said["day"], said["until"], turn["day"]) == ("2025-05-26", "2025-05-27", "2025-05-27")
    assert DOCTORS[0] in turn["doctors"]
    session.step(Step([day]))
    changes = [json.loads(one.value or b"") for one in session.topics.collect()[heard:] if one.topic == CHANGES]
    assert turn["events"][CHANGES] == Counter(f"{one['change']}/{one['reason']}" for one in changes)
    assert turn["events"][CHANGES]["ended/relisted"] == 4
    assert published(session, heard) == ids
    assert breaches(session) == []
