"""Whatever differs between a record of 1177's topic and the database is found (V5)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from infra.postgres.verification import Held
from workers.operations.verification.told import Told, differences, told_by

LINK = ("SE2321000131-E000000000712", "Vårdcentralen Majorna", "SE2321000131-E000000007600", "Anna Ek", "2026-05-26")
ACTIVE = Held(2, "active", LINK)


def told(revision: int = 2, **changed: Any) -> Told:
    unit, unit_name, doctor, doctor_name, start = LINK
    data = {
        "revision": revision, "status": "active", "unit": {"hsa_id": unit, "name": unit_name},
        "doctor": {"hsa_id": doctor, "name": doctor_name}, "start": start,
    } | changed  # fmt: skip
    return told_by(orjson.dumps(data), [("ce_id", f"k/{revision}".encode())])


ENDED, WITHDRAWN = told(status="ended"), told_by(None, [("ce_id", b"k/2")])


def test_what_agrees_has_no_differences() -> None:
    for one, held in ((told(), ACTIVE), (ENDED, Held(2, "ended", None)), (WITHDRAWN, Held(2, "withdrawn", None))):
        assert list(differences(one, held)) == []


@pytest.mark.parametrize(
    ("one", "held", "what"),
    [
        (None, ACTIVE, "1177 has heard nothing, the database has told revision 2: active"),
        (told(), None, "1177 has revision 2, the database has told nothing"),
        (told(1), ACTIVE, "1177 has revision 1, the database 2"),
        (told(start="2026-05-27"), ACTIVE, "start: 1177 has 2026-05-27, the database 2026-05-26"),
        (
            told(doctor={"hsa_id": LINK[2], "name": "Anna Holm"}),
            ACTIVE,
            "doctor_name: 1177 has Anna Holm, the database Anna Ek",
        ),
        (told(unit={"hsa_id": LINK[0], "name": None}), ACTIVE, f"unit_name: 1177 has None, the database {LINK[1]}"),
        (ENDED, ACTIVE, "status: 1177 has ended, the database active"),
        (WITHDRAWN, ACTIVE, "status: 1177 has withdrawn, the database active"),
        (told(), Held(2, "ended", None), "status: 1177 has active, the database ended"),
        (told_by(b"{", []), ACTIVE, "1177 has a record that cannot be read, the database revision 2"),
        (told_by(None, []), ACTIVE, "1177 has a record that cannot be read, the database revision 2"),
    ],
)
def test_v5_a_record_that_is_missing_old_or_other_is_a_difference(
    one: Told | None, held: Held | None, what: str
) -> None:
    assert list(differences(one, held)) == [what]


def test_v5_a_null_value_may_be_gone_once_compaction_has_been_there_and_nothing_else_may() -> None:
    withdrawn = Held(2, "withdrawn", None)
    assert list(differences(None, withdrawn, may_be_gone=True)) == []
    assert list(differences(None, withdrawn)) != []
    assert list(differences(None, Held(2, "ended", None), may_be_gone=True)) != []
