"""The ids and parts of an import (contract.md, An import in parts)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from cli.imports.message import Import, ImportRequest
from schemas.command import ImportLinks, ImportRow
from tests.cli.imports.files import DOCTOR, MIDDLE, TOLVAN, UNIT

AT = datetime(2026, 5, 26, 9, tzinfo=UTC)


def row(number: int = 2, patient: str = TOLVAN) -> ImportRow:
    """One row."""
    return ImportRow(row=number, patient_id=patient, unit_hsa_id=UNIT, doctor_hsa_id=DOCTOR)


REQUEST = ImportRequest(UNIT, "annsv4", "VC-chef", (), False, None, [row()])


def sending(request: ImportRequest, attempt: int = 1) -> Import:
    """The request as it is sent."""
    return Import(request, request.fingerprint(), attempt)


def test_the_same_file_and_options_get_the_same_ids_again() -> None:
    one, two = sending(REQUEST), sending(replace(REQUEST, rows=[row()]))
    assert one.import_id == two.import_id
    assert [part.id for part in one.parts(AT)] == [part.id for part in two.parts(datetime.now(UTC))]


@pytest.mark.parametrize(
    "other",
    [
        replace(REQUEST, rows=[row(3)]),
        replace(REQUEST, rows=[row(2, MIDDLE)]),
        replace(REQUEST, unit="SE2321000131-E000000000799"),
        replace(REQUEST, role="Vårdvalsbehörig"),
        replace(REQUEST, override=("age",)),
        replace(REQUEST, dry_run=True),
        replace(REQUEST, import_id="juni"),
    ],
)
def test_whatever_differs_is_another_import(other: ImportRequest) -> None:
    assert sending(other).import_id != sending(REQUEST).import_id
    assert sending(other).prefix != sending(REQUEST).prefix


def test_a_name_sets_the_same_file_apart_and_never_joins_two_files() -> None:
    """Else parts of a file that was stopped could be taken for parts of the next one of that name."""
    june, other_june = (sending(replace(REQUEST, import_id="juni", rows=[row(number)])) for number in (2, 3))
    july = sending(replace(REQUEST, import_id="juli"))
    assert june.import_id.startswith("juni-")
    assert len({sending(REQUEST).import_id, june.import_id, other_june.import_id, july.import_id}) == 4


def test_a_part_has_at_most_2000_rows_and_less_than_a_mebibyte() -> None:
    sizes = []
    for rows in ([row(number) for number in range(1, 4_002)], [row(number, "å" * 200) for number in range(1, 4_002)]):
        parts = sending(replace(REQUEST, rows=rows)).parts(AT)
        read = [ImportLinks.model_validate_json(part.value) for part in parts]
        assert [one.row for part in read for one in part.rows] == list(range(1, 4_002))
        assert [(part.part, part.parts) for part in read] == [(n + 1, len(parts)) for n in range(len(parts))]
        assert max(len(part.value) for part in parts) < 2**20
        assert {part.key for part in parts} == {UNIT.encode()}
        sizes.append([len(part.rows) for part in read])
    assert sizes[0] == [2_000, 2_000, 1]


def test_no_personnummer_stands_in_a_key_or_header() -> None:
    for part in sending(REQUEST).parts(AT):
        assert TOLVAN[2:] not in f"{part.key!r} {part.headers}"
