"""The checks of what comes out find what must not come out."""

from __future__ import annotations

import pytest

from infra.postgres.outbox import Event
from schemas.topics import LISTNING_REPLY
from tests.fuzz.checks import faults, holds_patient
from tests.fuzz.world import PATIENTS
from tests.schemas.builders import EXAMPLES, headers, to_json

PATIENT = PATIENTS[0]
CHANGES = "se.vgregion.1177.fast-lakarkontakt.v1"
REPLY = "se.vgregion.listning.reply.v1"


def event(ce_type: str, *, key: bytes = b"key", changed: dict[str, object] | None = None, **about: bytes) -> Event:
    """A sound event of the type, with parts of its data or its headers changed."""
    topic, data = EXAMPLES[ce_type]
    return Event(topic, 0, key, to_json(data | (changed or {})), headers(ce_type, **about))


@pytest.mark.parametrize(
    "text", [PATIENT, f"{PATIENT[2:8]}-{PATIENT[8:]}", f"{PATIENT[:8]}+{PATIENT[8:]}", f"x{PATIENT}/9"]
)
def test_a_personnummer_is_found_in_each_of_its_forms(text: str) -> None:
    assert holds_patient(text.encode())
    assert not holds_patient(text.replace("2386", "2387").encode())
    assert not holds_patient(text.replace("2386", "23860").encode())


def test_what_is_promised_has_no_fault() -> None:
    assert [*faults(event(CHANGES), 1_000), *faults(event(REPLY), 1_000)] == []


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        (event(CHANGES, key=PATIENT.encode()), "a personnummer outside the data"),
        (event(CHANGES, ce_correlationid=f"{PATIENT[2:8]}-{PATIENT[8:]}".encode()), "a personnummer outside the data"),
        (event(REPLY, changed={"command_id": PATIENT}), "a personnummer outside the data"),
        (event(REPLY, changed={"outcome": "perhaps"}), "not as promised"),
        (event(CHANGES, ce_id=b""), "not as promised"),
        (event(CHANGES, ce_time=b"yesterday"), "cannot be read"),
        (event(CHANGES, changed={"unit": {"hsa_id": "SE2321000131-E1", "name": "x" * 20_000}}), "too large"),
        (event(REPLY, changed={"message": "x" * 20_000}), "too large"),
        (Event("kiv.staff.v1.dlq", 0, b"", b"x" * 9_000, []), "too large"),
        (Event("kiv.staff.v1.dlq", 0, b"", b"", [("dlq_detail", PATIENT.encode())]), "a dead letter's own headers"),
    ],
)
def test_every_fault_is_found(wrong: Event, found: str) -> None:
    assert [fault for fault in faults(wrong, 1_000) if found in fault]


def test_a_reply_may_be_as_large_as_its_rows_ask_for() -> None:
    rows = [{"row": row, "code": "invalid_date", "message": "x" * 100} for row in range(300)]
    large = event(REPLY, changed={"faulty_rows": rows})

    assert large.topic == LISTNING_REPLY
    assert list(faults(large, 1_000, rows=300)) == []
    assert len(list(faults(large, 1_000))) == 1
