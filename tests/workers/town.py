"""A vårdcentral with a doctor and a patient whom the workers know, on a database without any Kafka."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from infra.postgres.installation import check_patient_key
from schemas.topics import KIV_STAFF, KIV_UNIT, LISTNING_CLOCK, LISTNING_COMMAND, VARDVAL_LISTING
from tests.workers.fixtures import Rig, message, rig_on, worker

UNIT, OTHER_UNIT = "SE2321000131-E000000000712", "SE2321000131-E000000000799"
DOCTOR, OTHER_DOCTOR = "SE2321000131-P000000000001", "SE2321000131-P000000000002"
PATIENT, NEW_PATIENT = "199006022397", "199006022389"
POST = {"unit_hsa_id": UNIT, "position_code": "202010", "title": "Geriatriker", "start": "2023-11-05", "end": None}
STAFF = {"given_name": "Jon", "surname": "Karlström", "licences": ["LK"], "employments": [POST]}
ACTOR = {"id": "annsv4", "role": "VC-chef", "unit_hsa_id": UNIT}


class Town:
    """What is said is read as the next record of partition 0 of its topic, whose id is `0/<offset>` of `test`."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self._offsets = {name: count() for name in ("staff", "unit", "listing", "command", "clock")}

    @property
    def key(self) -> str:
        """The patient's."""
        return self.key_of(PATIENT)

    def key_of(self, patient: str) -> str:
        """Of any patient."""
        return self.rig.runtime.keys.key(int(patient))

    async def says(self, name: str, topic: str, type_: str, data: dict[str, Any], key: str = "k") -> int:
        """The worker of that name reads it; returns its offset."""
        offset = next(self._offsets[name])
        owned = await worker(self.rig, name, [0])
        await owned.handle([message(topic, offset, f"se.vgregion.{type_}.v1", data, key=key.encode())])
        await owned.drained()
        assert owned.positions[0].next_offset == offset + 1
        return offset

    async def staff(self, version: int = 1, doctor: str = DOCTOR, **data: Any) -> int:
        return await self.says(
            "staff", KIV_STAFF, "kiv.staff", {"hsa_id": doctor, "version": version, **STAFF, **data}, doctor
        )

    async def unit(self, version: int = 1, unit: str = UNIT, **data: Any) -> int:
        data = {"hsa_id": unit, "version": version, "name": "Majorna", "kind": "vardcentral", **data}
        return await self.says("unit", KIV_UNIT, "kiv.unit", data, unit)

    async def listing(self, sequence: int = 1, patient: str = PATIENT, **data: Any) -> int:
        current = {"unit_hsa_id": UNIT, "valid_from": "2026-01-01"}
        data = {"patient_id": patient, "sequence": sequence, "current": current, **data}
        return await self.says("listing", VARDVAL_LISTING, "vardval.listing", data)

    async def new_id(self, sequence: int, old: str = PATIENT, new: str = NEW_PATIENT) -> int:
        data = {"patient_id": old, "new_patient_id": new, "sequence": sequence}
        return await self.says("listing", VARDVAL_LISTING, "vardval.patient-id-changed", data)

    async def command(self, name: str, **data: Any) -> int:
        data = {"unit_hsa_id": UNIT, "actor": ACTOR, **data}
        return await self.says("command", LISTNING_COMMAND, f"listning.{name}", data, UNIT)

    async def day(self, day: str) -> int:
        return await self.says("clock", LISTNING_CLOCK, "listning.day-began", {"day": day}, "day")

    async def linked(self) -> None:
        """An open unit, an active doctor, the patient listed and linked."""
        await self.unit()
        await self.staff()
        await self.listing()
        await self.command("activate-doctor", doctor_hsa_id=DOCTOR)
        await self.command("link-patient", patient_id=PATIENT, doctor_hsa_id=DOCTOR)


@asynccontextmanager
async def town_on(url: str) -> AsyncIterator[Town]:
    """On that database, where 26 May 2026 has begun."""
    async with rig_on(url) as rig:
        await rig.pg.execute("UPDATE day SET day = '2026-05-26'")
        await check_patient_key(rig.pg, rig.runtime.keys)
        yield Town(rig)
