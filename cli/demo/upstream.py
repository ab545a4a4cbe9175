"""The systems around the service: KiV, vårdval, the clock and the vårdcentraler, as they speak over Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import date
from itertools import count
from types import TracebackType
from typing import Any, Self

import orjson
from aiokafka import AIOKafkaProducer

from cli.demo.region import CARE_GIVER, FIRST_DAY, Doctor, Resident, Unit
from infra import timing
from infra.kafka.client import close
from schemas.topics import KIV_STAFF, KIV_UNIT, LISTNING_CLOCK, LISTNING_COMMAND, VARDVAL_LISTING

_SENT_AT_ONCE = 2_000


class Upstream:
    """One producer for all of them. Every message is stamped with the story's own day; ids count from 1."""

    def __init__(self, bootstrap: str) -> None:
        self.day = FIRST_DAY
        self.sent = 0
        self._numbers = count(1)
        self._versions = count(20260501080000)
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap, compression_type="snappy", linger_ms=timing.ms(timing.DEMO_LINGER_SECONDS)
        )

    async def __aenter__(self) -> Self:
        await self._producer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await close(self._producer.stop)

    async def begin(self, day: date) -> None:
        """The turn of the day. All in one partition, whose order is that of the days."""
        self.day = day
        headers = self._headers("se.vgregion.listning.day-began.v1", "clock", f"day/{day}")
        await self._send(LISTNING_CLOCK, f"{day}", {"day": f"{day}"}, headers, partition=0)

    async def unit(self, unit: Unit, **news: Any) -> None:
        """KiV's whole state of a vårdcentral."""
        fact = {
            "hsa_id": unit.hsa_id, "version": next(self._versions), "name": unit.name, "kind": "vardcentral",
            "care_giver_hsa_id": CARE_GIVER, "start": "2009-10-01", "end": None, "replaced_by": None,
        } | news  # fmt: skip
        await self._send(KIV_UNIT, unit.hsa_id, fact, self._headers("se.vgregion.kiv.unit.v1", "kiv"))

    async def staff(self, doctor: Doctor) -> None:
        """KiV's whole state of a doctor."""
        employment = {
            "unit_hsa_id": doctor.unit.hsa_id, "position_code": doctor.position, "title": doctor.title,
            "start": "2023-11-05", "end": doctor.last_day and f"{doctor.last_day}",
        }  # fmt: skip
        fact = {
            "hsa_id": doctor.hsa_id, "version": next(self._versions), "given_name": doctor.given_name,
            "surname": doctor.surname, "licences": ["LK"], "employments": [employment],
        }  # fmt: skip
        await self._send(KIV_STAFF, doctor.hsa_id, fact, self._headers("se.vgregion.kiv.staff.v1", "kiv"))

    async def listings(self, residents: Iterable[Resident]) -> None:
        """Vårdval's whole state of each; sent in bursts."""
        acks = []
        for resident in residents:
            current = {"unit_hsa_id": resident.unit.hsa_id, "valid_from": f"{self.day}"}
            acks.append(await self._listing(resident, {"current": current}))
            if len(acks) == _SENT_AT_ONCE:
                await asyncio.gather(*acks)
                acks.clear()
        await asyncio.gather(*acks)

    async def chooses(self, resident: Resident, unit: Unit, from_day: date) -> None:
        """Another vårdcentral from a coming day."""
        resident.sequence += 1
        current = {"unit_hsa_id": resident.unit.hsa_id, "valid_from": f"{FIRST_DAY}"}
        upcoming = {"unit_hsa_id": unit.hsa_id, "valid_from": f"{from_day}", "reason": "Aktivt val via 1177"}
        await (await self._listing(resident, {"current": current, "upcoming": upcoming}))

    async def protects(self, resident: Resident) -> None:
        """Protected personal data."""
        resident.sequence += 1
        await (await self._listing(resident, {"protected": True}))

    async def malformed(self, resident: Resident) -> None:
        """A listing that breaks the contract: its sequence is a word."""
        await (await self._listing(resident, {"sequence": "sju"}))

    async def command(self, name: str, unit: Unit, **fields: Any) -> str:
        """What the vårdcentral's manager asks for; returns the command's id."""
        actor = {"id": "annsv4", "role": "VC-chef", "unit_hsa_id": unit.hsa_id}
        id = f"kommando-{next(self._numbers)}"
        headers = self._headers(f"se.vgregion.listning.{name}.v1", "vardcentral", id)
        data = {"unit_hsa_id": unit.hsa_id, "actor": actor, **fields}
        await self._send(LISTNING_COMMAND, unit.hsa_id, data, headers)
        return id

    async def _listing(self, resident: Resident, fields: Mapping[str, Any]) -> asyncio.Future[Any]:
        data = {"patient_id": resident.patient_id, "sequence": resident.sequence, **fields}
        headers = self._headers("se.vgregion.vardval.listing.v1", "vardval")
        key = f"resident-{resident.number}".encode()
        self.sent += 1
        ack: asyncio.Future[Any] = await self._producer.send(VARDVAL_LISTING, orjson.dumps(data), key, headers=headers)
        return ack

    async def _send(
        self, topic: str, key: str, data: object, headers: list[tuple[str, bytes]], partition: int | None = None
    ) -> None:
        self.sent += 1
        await self._producer.send_and_wait(topic, orjson.dumps(data), key.encode(), partition, headers=headers)

    def _headers(self, kind: str, source: str, id: str | None = None) -> list[tuple[str, bytes]]:
        attributes = {
            "ce_specversion": "1.0", "ce_id": id or f"{next(self._numbers)}", "ce_source": source, "ce_type": kind,
            "ce_time": f"{self.day}T09:00:00Z", "content-type": "application/json",
        }  # fmt: skip
        return [(name, text.encode()) for name, text in attributes.items()]
