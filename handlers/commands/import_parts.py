"""The rows of an import's parts, and what is kept of them while others are still to come.

While an import waits, a patient may be protected or get another id, after which nothing may be held of them (L7, L9).
So a row waits under the patient's key, and is judged for whom the key then means: nobody, where they are forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from handlers.commands.checks import day_of, is_personnummer
from handlers.redaction import shown_row
from handlers.world import Import, Row, World
from schemas.command import ImportLinks
from schemas.ids import normal_hsa_id


def rows_of(command: ImportLinks) -> list[Row]:
    """The part's rows as they came."""
    return [
        Row(
            row.row,
            int(row.patient_id) if is_personnummer(row.patient_id) else None,
            row.unit_hsa_id,
            row.doctor_hsa_id,
            row.start,
        )
        for row in command.rows
    ]


def patient_ids(rows: Iterable[Row]) -> set[int]:
    """The personnummer in the rows."""
    return {row.patient for row in rows if isinstance(row.patient, int)}


def patient_keys(rows: Iterable[Row]) -> set[str]:
    """The keys of patients in rows that waited."""
    return {row.patient for row in rows if isinstance(row.patient, str)}


def kept(rows: Iterable[Row], keys: Mapping[int, str]) -> list[Row]:
    """The rows as they wait: the patients by their keys. A text that is no id and no day is judged the same whatever
    it says, and could say anything: nothing is kept of it."""
    return [
        Row(
            shown_row(row.row),
            keys[row.patient] if isinstance(row.patient, int) else None,
            normal_hsa_id(row.unit) or "",
            normal_hsa_id(row.doctor) or "",
            row.start if row.start is None or day_of(row.start) is not None else "",
        )
        for row in rows
    ]


def waiting_rows(command: ImportLinks, waiting: Import | None) -> list[Row]:
    """The rows of the parts that came before, as they were kept, of as many parts as the latest says there are."""
    if waiting is None:
        return []
    others = [waiting.parts[number] for number in range(1, command.parts + 1) if number != command.part]
    return [row for part in others for row in part.rows or ()]


def all_rows(command: ImportLinks, waiting: Import | None, world: World) -> list[Row]:
    """Every row, in the order of the parts, with the personnummer where the patient is known or stands in a row of
    `command`, that duplicates are found."""
    own = rows_of(command)
    if waiting is None:
        return own
    ids = {world.patient_keys[number]: number for number in patient_ids(own)}
    ids |= {patient.key: patient.id for patient in world.patients.values()}
    rows: list[Row] = []
    for number in range(1, command.parts + 1):
        rows += own if number == command.part else _known(waiting.parts[number].rows or (), ids)
    return rows


def _known(rows: Iterable[Row], ids: Mapping[str, int]) -> Iterable[Row]:
    for row in rows:
        known = ids.get(row.patient) if isinstance(row.patient, str) else None
        yield row if known is None else row._replace(patient=known)
