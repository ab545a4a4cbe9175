"""Acts in which a vårdcentral asks for something."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from cli.demo.region import Doctor, Resident, Unit
from cli.demo.screen import number
from cli.demo.stage import Stage

_ROWS_PER_PART = 2_000
_OF_THE_LARGEST, _OF_THE_FIRST_DOCTOR = 2_200, 1_000
_SHARE = 0.85
_UNKNOWN_DOCTOR = "SE2321000131-E000000009999"
_FILE_ROWS = 2_000

Row = dict[str, Any]


async def links_come_in(stage: Stage) -> None:
    """Imports from all vårdcentraler but two (C11)."""
    imports = {unit: list(_links(stage, unit)) for place, unit in enumerate(stage.region.units) if place not in (1, 2)}
    rows = sum(map(len, imports.values()))
    stage.screen.into(f"vårdcentraler: import-links from {len(imports)} of them, {number(rows)} rows in all")
    async with stage.await_events():
        ids = [await _import(stage, unit, "befintliga", rows) for unit, rows in imports.items()]
        replies = await asyncio.gather(*map(stage.answer, ids))
    stage.screen.out(f"replies: {_said(replies)}")


async def command_is_refused(stage: Stage) -> None:
    """A refusal is an answer, with a code and a sentence (C2)."""
    unit, elsewhere = stage.region.units[8], stage.region.units[9]
    doctor = stage.region.doctors_at(unit)[0]
    resident = stage.region.listed_at(elsewhere)[0]
    stage.screen.into(f"{unit.name}: link-patient to {doctor.name}, for somebody who is listed at {elsewhere.name}")
    async with stage.await_events():
        refused = await stage.ask("link-patient", unit, patient_id=resident.patient_id, doctor_hsa_id=doctor.hsa_id)
    _show_reply(stage, refused)


async def doctor_pauses(stage: Stage) -> None:
    """No new links while it lasts; existing ones stay (C5)."""
    unit = stage.region.units[2]
    doctor, resident = stage.region.doctors_at(unit)[0], stage.region.listed_at(unit)[0]
    end = stage.upstream.day + timedelta(14)
    stage.screen.into(
        f"{unit.name}: pause-doctor {doctor.name}, until {end}",
        f"{unit.name}: link-patient to {doctor.name} all the same",
    )
    async with stage.await_events():
        await stage.ask("pause-doctor", unit, doctor_hsa_id=doctor.hsa_id, end=f"{end}")
        refused = await stage.ask("link-patient", unit, patient_id=resident.patient_id, doctor_hsa_id=doctor.hsa_id)
    _show_reply(stage, refused)
    shown = stage.listener.doctors[f"{unit.hsa_id}/{doctor.hsa_id}"] or {}
    because = ", ".join(shown["unavailable_because"])
    stage.screen.out(f"doctors: {doctor.name}, available: {str(shown['available']).lower()}, because: {because}")


async def random_distribution(stage: Stage) -> None:
    """All who lack a doctor, over those who are active and not paused, never above a ceiling (C10)."""
    unit = stage.region.units[2]
    stage.screen.into(f"{unit.name}: distribute-patients, seed 2026")
    async with stage.await_events():
        reply = await stage.ask("distribute-patients", unit, seed=2026)
    _show_reply(stage, reply)
    doctors = [stage.listener.doctors[f"{unit.hsa_id}/{doctor.hsa_id}"] for doctor in stage.region.doctors_at(unit)]
    stage.screen.figures(
        (f"{shown['doctor']['name']}{' (paused)' if 'paused' in shown['unavailable_because'] else ''}",
         f"{shown['listed_patients']} of {shown['profile']['patient_ceiling']}")
        for shown in doctors if shown is not None
    )  # fmt: skip


async def file_with_faults(stage: Stage) -> None:
    """One faulty row and nothing is applied; the corrected file is (C11)."""
    unit = stage.region.units[1]
    good = _rows(stage.region.listed_at(unit)[:_FILE_ROWS], stage.region.doctors_at(unit))
    faulty = _with_faults(good, stage.region.listed_at(stage.region.units[10]))
    for rows, what in ((faulty, "some of them faulty"), (good, "corrected")):
        stage.screen.into(f"{unit.name}: a file of {number(len(rows))} rows, {what}")
        async with stage.await_events():
            said = await _import_file(stage, unit, rows)
        stage.screen.verbatim(said)


async def _import_file(stage: Stage, unit: Unit, rows: Sequence[Row]) -> list[str]:
    """`fastlakare import` of the rows as a CSV file; returns the lines it printed."""
    lines = ["Personnummer;Enhet;Läkare;Datum"]
    for row in rows:
        lines.append(f"{row['patient_id']};{row['unit_hsa_id']};{row['doctor_hsa_id']};{row.get('start', '')}")
    words = ("--unit", unit.hsa_id, "--actor", "annsv4", "--role", "VC-chef")
    name = stage.installation.write("lakarkontakter.csv", "\r\n".join(lines))
    stage.screen.into(f"$ fastlakare import {name} {' '.join(words)}")
    stage.upstream.sent += 1
    return await stage.installation.run("import", name, *words)


def _links(stage: Stage, unit: Unit) -> Iterable[Row]:
    residents, doctors = stage.region.listed_at(unit), stage.region.doctors_at(unit)
    if unit == stage.region.units[0]:
        first, others = residents[:_OF_THE_FIRST_DOCTOR], residents[_OF_THE_FIRST_DOCTOR:_OF_THE_LARGEST]
        return _rows(first, doctors[:1]) + _rows(others, doctors[1:], len(first))
    return _rows(residents[: int(len(residents) * _SHARE)], doctors)


def _rows(residents: Sequence[Resident], doctors: Sequence[Doctor], before: int = 0) -> list[Row]:
    """Each resident with the next of the doctors, from line `before` + 1 on."""
    return [
        {"row": before + place + 1, "patient_id": resident.patient_id, "unit_hsa_id": resident.unit.hsa_id,
         "doctor_hsa_id": doctors[place % len(doctors)].hsa_id}
        for place, resident in enumerate(residents)
    ]  # fmt: skip


def _with_faults(rows: Sequence[Row], strangers: Sequence[Resident]) -> list[Row]:
    """The rows with what people get wrong: another vårdcentral's patients, a doctor who is not there, the same patient
    twice, a digit that is wrong, a date that has not come."""
    faulty = [dict(row) for row in rows]
    for place, stranger in zip(range(40, 900, 120), strangers, strict=False):
        faulty[place]["patient_id"] = stranger.patient_id
    for place in range(1_000, 1_005):
        faulty[place]["doctor_hsa_id"] = _UNKNOWN_DOCTOR
    for place in (1_300, 1_700):
        faulty[place]["patient_id"] = faulty[place - 1]["patient_id"]
    for place in (1_234, 1_432, 1_888):
        right = faulty[place]["patient_id"]
        faulty[place]["patient_id"] = f"{right[:-1]}{(int(right[-1]) + 1) % 10}"
    faulty[1_999]["start"] = "2062-05-26"
    return faulty


async def _import(stage: Stage, unit: Unit, import_id: str, rows: Sequence[Row]) -> str:
    """Sends the rows in parts; returns the id of the last one, which the answer names."""
    parts = [rows[start : start + _ROWS_PER_PART] for start in range(0, len(rows), _ROWS_PER_PART)]
    last = ""
    for part, of_it in enumerate(parts, 1):
        last = await stage.upstream.command(
            "import-links", unit, import_id=import_id, part=part, parts=len(parts), rows=of_it
        )
    return last


def _show_reply(stage: Stage, reply: Row) -> None:
    message = f": {reply['message']}" if reply.get("message") else ""
    stage.screen.out(f"reply: {reply['outcome']}, {reply['code']}{message}")
    if reply.get("counts"):
        stage.screen.out(f"       {_said([reply])}")
        unplaced = reply["counts"].get("unplaced") or {}
        stage.screen.out(*(f"       {number(count)} not placed: {why}" for why, count in unplaced.items() if count))
    kinds = Counter(row["message"] for row in reply.get("faulty_rows") or ())
    stage.screen.out(*(f"       {count} × {message}" for message, count in kinds.most_common()))


def _said(replies: Sequence[Row]) -> str:
    """The region's four figures, summed up."""
    names = {"Totalt": "total", "Godkända": "approved", "Felaktiga": "faulty", "Uppdaterade": "updated"}
    total = {name: sum(reply["counts"][key] for reply in replies) for name, key in names.items()}
    return ", ".join(f"{name} {number(count)}" for name, count in total.items())
