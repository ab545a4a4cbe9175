"""The comparison at the end of the demo finds whatever differs between 1177 and the database."""

from __future__ import annotations

from typing import Any

import pytest

from infra.postgres.published import Published
from workers.operations.verify import Difference, Event, differences

KEY = "abcdefghijklmnopqrstuvwxyz"
LINK = ("SE2321000131-E000000000712", "Vårdcentralen Majorna", "SE2321000131-E000000007600", "Anna Ek", "2026-05-26")
DATABASE = Published(revisions={KEY: 2}, links={KEY: LINK}, patients=1)


def event(revision: int = 2, **changed: Any) -> Event:
    unit, unit_name, doctor, doctor_name, start = LINK
    data = {
        "status": "active", "unit": {"hsa_id": unit, "name": unit_name},
        "doctor": {"hsa_id": doctor, "name": doctor_name}, "start": start,
    } | changed  # fmt: skip
    return Event(KEY, revision, data)


def test_what_agrees_has_no_differences() -> None:
    assert differences({KEY: event()}, DATABASE) == []


@pytest.mark.parametrize(
    ("heard", "what"),
    [
        ({}, "1177 has heard nothing, the database has told revision 2"),
        ({KEY: event(revision=1)}, "1177 has revision 1, the database 2"),
        ({KEY: event(start="2026-05-27")}, "start_day: 1177 has 2026-05-27, the database 2026-05-26"),
        (
            {KEY: event(doctor={"hsa_id": LINK[2], "name": "Anna Holm"})},
            "doctor_name: 1177 has Anna Holm, the database Anna Ek",
        ),
    ],
)
def test_a_record_that_is_missing_old_or_other_is_a_difference(heard: dict[str, Event], what: str) -> None:
    assert differences(heard, DATABASE) == [Difference(KEY, what)]


@pytest.mark.parametrize("gone", [event(status="ended"), Event(KEY, 2, None)])
def test_a_link_that_1177_has_ended_or_forgotten_is_a_difference(gone: Event) -> None:
    assert [one.what for one in differences({KEY: gone}, DATABASE)] == [
        f"{name}: 1177 has None, the database {value}"
        for name, value in zip(("unit", "unit_name", "doctor", "doctor_name", "start_day"), LINK, strict=True)
    ]


def test_a_link_that_the_database_does_not_hold_is_a_difference() -> None:
    without = Published(revisions={KEY: 2}, links={}, patients=1)
    assert len(differences({KEY: event()}, without)) == len(LINK)
    assert differences({KEY: event()}, Published({}, {}, 0)) == [
        Difference(KEY, "1177 has revision 2, the database None")
    ]


def test_an_ended_link_agrees_with_a_patient_without_one() -> None:
    assert differences({KEY: event(status="ended")}, Published({KEY: 2}, {}, 1)) == []
