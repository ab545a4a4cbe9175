"""One record of every malformed kind on every input topic: each a dead letter once, and the stream goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.harness.invariants import breaches
from tests.harness.records import INPUTS, LISTING, STAFF, UNIT, Record, header
from tests.harness.session import Session
from tests.harness.workload import DOCTORS, HOME, Workload
from tests.scenarios.schedule import Step

pytestmark = pytest.mark.system

TOO_LARGE = b'"' + b"x" * 1024 * 1024 + b'"'
SECRET = "hemligt-innehåll"


def without(record: Record, name: str, value: bytes | None = None) -> Record:
    """The record without a header, or with another value in it."""
    headers = [one for one in record.headers if one[0] != name]
    return replace(record, headers=[*headers, *([(name, value)] if value is not None else [])])


def malformed(sound: Record, patient: str) -> Iterator[tuple[str, Record]]:
    """Each code with a record that deserves it; every one holds what must not stand in a dead letter's own headers."""
    data = json.loads(sound.value or b"{}") | {"extra": SECRET}
    needed = {STAFF: "version", UNIT: "version", LISTING: "sequence"}.get(sound.topic, "unit_hsa_id")
    field = "day" if "day" in data else needed
    yield "invalid_json", replace(sound, value=f'{{"{patient}": {SECRET}'.encode())
    yield "invalid_json", replace(sound, value=b"\xff\xfe" + patient.encode())
    yield "invalid_envelope", without(sound, "ce_id")
    yield "invalid_envelope", without(sound, "ce_source")
    yield "invalid_envelope", without(sound, "ce_type")
    yield "invalid_envelope", without(sound, "ce_specversion", patient.encode())
    yield "invalid_envelope", without(sound, "ce_time", SECRET.encode())
    yield "unknown_type", without(sound, "ce_type", f"se.vgregion.{patient}.v1".encode())
    yield "invalid_data", replace(sound, value=json.dumps([patient, SECRET]).encode())
    yield "invalid_data", replace(sound, value=json.dumps({k: v for k, v in data.items() if k != field}).encode())
    yield "invalid_data", replace(sound, value=json.dumps(data | {field: {patient: SECRET}}).encode())
    yield "too_large", replace(sound, value=TOO_LARGE)
    if sound.topic not in (STAFF, UNIT, LISTING):
        yield "invalid_json", replace(sound, value=None)


def test_every_malformed_kind_on_every_topic_is_dead_lettered_once_and_nothing_gets_stuck(session: Session) -> None:
    wave = Workload(4)
    wave.set_up(session)
    patient = wave.patients[0]
    models = [
        wave.sender.staff(DOCTORS[0], 2, given_name="Nytt"), wave.sender.unit(HOME, 2), wave.listing(patient, HOME),
        wave.sender.command("unlink-patient", HOME, patient_id=patient), wave.sender.day("2025-05-27"),
    ]  # fmt: skip
    assert sorted(one.topic for one in models) == sorted(INPUTS)
    for sound in models:
        sent = list(malformed(sound, patient))
        session.step(Step([record for _, record in sent]))
        session.step(Step([sound]))
        letters = [one for one in _letters(session) if one.topic == f"{sound.topic}.dlq"]
        codes = [(one.key, one.value, header(one.headers, "dlq_code")) for one in letters]
        expected = [(one.key, one.value, code) for code, one in sent]
        assert sorted(codes, key=repr) == sorted(expected, key=repr)  # all of them small enough to be copied whole
        for letter in letters:
            detail = header(letter.headers, "dlq_detail") or ""
            assert detail, letter.headers
            assert not [one for one in (patient, patient[2:], SECRET, "hemligt") if one in detail], detail
    assert breaches(session, replies=False) == []
    assert list(session.differences()) == []
    assert session.leaks(wave.patients) == []


def _letters(session: Session) -> list[Record]:
    return [one for one in session.topics.collect() if one.topic.endswith(".dlq")]
