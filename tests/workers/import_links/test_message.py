"""The ids and parts of an import (contract.md, import-links)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from schemas.command import ImportLinks, ImportRow
from tests.workers.import_links.files import DOCTOR, MIDDLE, TOLVAN, UNIT
from workers.import_links.message import Import, Order

AT = datetime(2026, 5, 26, 9, tzinfo=UTC)


def row(number: int = 2, patient: str = TOLVAN) -> ImportRow:
    """One row."""
    return ImportRow(row=number, patient_id=patient, unit_hsa_id=UNIT, doctor_hsa_id=DOCTOR)


ORDER = Order(UNIT, "annsv4", "VC-chef", (), False, None, [row()])


def sending(order: Order, attempt: int = 1) -> Import:
    """The order as it is sent."""
    return Import(order, order.fingerprint(), attempt)


def test_the_same_file_and_options_get_the_same_ids_again() -> None:
    one, two = sending(ORDER), sending(replace(ORDER, rows=[row()]))
    assert one.import_id == two.import_id
    assert [part.id for part in one.parts(AT)] == [part.id for part in two.parts(datetime.now(UTC))]


@pytest.mark.parametrize(
    "other",
    [
        replace(ORDER, rows=[row(3)]),
        replace(ORDER, rows=[row(2, MIDDLE)]),
        replace(ORDER, unit="SE2321000131-E000000000799"),
        replace(ORDER, role="Vårdvalsbehörig"),
        replace(ORDER, override=("age",)),
        replace(ORDER, dry_run=True),
        replace(ORDER, import_id="juni"),
    ],
)
def test_whatever_differs_is_another_import(other: Order) -> None:
    assert sending(other).import_id != sending(ORDER).import_id
    assert sending(other).prefix != sending(ORDER).prefix


def test_a_name_sets_the_same_file_apart_and_never_joins_two_files() -> None:
    """Else parts of a file that was stopped could be taken for parts of the next one of that name."""
    june, other_june = (sending(replace(ORDER, import_id="juni", rows=[row(number)])) for number in (2, 3))
    july = sending(replace(ORDER, import_id="juli"))
    assert june.import_id.startswith("juni-")
    assert len({sending(ORDER).import_id, june.import_id, other_june.import_id, july.import_id}) == 4


def test_a_part_has_at_most_2000_rows_and_less_than_a_mebibyte() -> None:
    sizes = []
    for rows in ([row(number) for number in range(1, 4_002)], [row(number, "å" * 200) for number in range(1, 4_002)]):
        parts = sending(replace(ORDER, rows=rows)).parts(AT)
        read = [ImportLinks.model_validate_json(part.value) for part in parts]
        assert [one.row for part in read for one in part.rows] == list(range(1, 4_002))
        assert [(part.part, part.parts) for part in read] == [(n + 1, len(parts)) for n in range(len(parts))]
        assert max(len(part.value) for part in parts) < 2**20
        assert {part.key for part in parts} == {UNIT.encode()}
        sizes.append([len(part.rows) for part in read])
    assert sizes[0] == [2_000, 2_000, 1]


def test_no_personnummer_stands_in_a_key_or_header() -> None:
    for part in sending(ORDER).parts(AT):
        assert TOLVAN[2:] not in f"{part.key!r} {part.headers}"
