"""Acts in which KiV, vårdval or the day has something to say."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from cli.demo.region import Doctor
from cli.demo.screen import number, short
from cli.demo.stage import Stage
from infra.postgres.published import read_forgotten

_CEILING, _LARGE_CEILING, _SMALL_CEILING = 500, 2_000, 130


async def region_arrives(stage: Stage) -> None:
    """The first day, all facts, and every doctor activated with a patient ceiling."""
    region, upstream = stage.region, stage.upstream
    stage.screen.into(
        f"clock: the day {upstream.day} began",
        f"KiV: {len(region.units)} vårdcentraler, {len(region.doctors)} doctors",
        f"vårdval: {number(len(region.residents))} residents, each listed somewhere",
        f"vårdcentraler: activate-doctor, {len(region.doctors)} times",
    )
    async with stage.await_events():
        await upstream.begin(upstream.day)
        await asyncio.gather(*map(upstream.unit, region.units), *map(upstream.staff, region.doctors))
        await upstream.listings(region.residents)
        await stage.settled()
        await asyncio.gather(*(_activate(stage, doctor) for doctor in region.doctors))
    active = sum(doctor is not None and doctor["active"] for doctor in stage.listener.doctors.values())
    stage.screen.out(f"doctors: {active} active, {number(_free_places(stage))} free places")


async def doctor_marries(stage: Stage) -> None:
    """One staff event becomes one change for each linked patient (S8)."""
    before = stage.region.doctors[1]
    after = stage.region.change(before, surname=f"{before.surname}-Rosenlund")
    stage.screen.into(f"KiV: {before.name} is now {after.name}")
    async with stage.await_events():
        await stage.upstream.staff(after)


async def patient_relists(stage: Stage) -> None:
    """Nothing happens until the day comes (L2, L3, L6)."""
    upstream = stage.upstream
    old, new = stage.region.units[3], stage.region.units[4]
    resident = stage.region.listed_at(old)[0]
    tomorrow = upstream.day + timedelta(1)
    stage.screen.into(f"vårdval: a resident at {old.name} has chosen {new.name}, from {tomorrow}")
    async with stage.await_events():
        await upstream.chooses(resident, new, tomorrow)
    resident.unit = new
    stage.screen.into(f"clock: the day {tomorrow} began")
    async with stage.await_events():
        await upstream.begin(tomorrow)
    stage.screen.note(f"the link does not follow: {new.name} has one more without a fast läkarkontakt (L5)")


async def doctor_leaves(stage: Stage) -> None:
    """The employment is over, so 1177 must not name the doctor any more (S6)."""
    doctor = stage.region.doctors[0]
    gone = stage.region.change(doctor, last_day=stage.upstream.day - timedelta(1))
    stage.screen.into(f"KiV: {doctor.name} worked at {doctor.unit.name} until {gone.last_day}")
    async with stage.await_events():
        await stage.upstream.staff(gone)


async def unit_is_replaced(stage: Stage) -> None:
    """Links and doctors move whole; nothing ends (S9)."""
    old, new = stage.region.units[5], stage.region.units[6]
    last_day = stage.upstream.day - timedelta(1)
    stage.screen.into(f"KiV: {old.name} closed on {last_day}, replaced by {new.name}")
    async with stage.await_events():
        await stage.upstream.unit(old, end=f"{last_day}", replaced_by=new.hsa_id)


async def someone_is_protected(stage: Stage) -> None:
    """What was said is withdrawn, what was held is erased (L7)."""
    resident = stage.region.listed_at(stage.region.units[7])[0]
    stage.screen.into("vårdval: a resident has got protected personal data (sekretessmarkering)")
    async with stage.await_events() as events:
        await stage.upstream.protects(resident)
    if events:
        row = await read_forgotten(stage.database, events[0].key)
        kept = ", ".join(f"{name} {value}" for name, value in row.items() if name != "key")
        stage.screen.note(f"all that is kept of {short(events[0].key)}: {kept}")


async def _activate(stage: Stage, doctor: Doctor) -> None:
    region = stage.region
    ceiling = _SMALL_CEILING if doctor.unit == region.units[2] else _CEILING
    if doctor == region.doctors[0]:
        ceiling = _LARGE_CEILING
    profile = {"work_percent": 100, "patient_ceiling": ceiling}
    await stage.upstream.command("activate-doctor", doctor.unit, doctor_hsa_id=doctor.hsa_id, profile=profile)


def _free_places(stage: Stage) -> int:
    return sum((doctor and doctor["free_places"]) or 0 for doctor in stage.listener.doctors.values())
