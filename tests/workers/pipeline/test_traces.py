"""After a secrecy mark, and after a change of id, the whole database holds no more of the person than it may (L7, L9,
S7)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import pytest

from schemas.topics import KIV_STAFF, LISTNING_COMMAND, VARDVAL_LISTING
from tests.harness.traces import forms, traces
from tests.workers.fixtures import Rig, message, rig_on, worker
from workers.relay.statistics import StatisticsPublisher

UNIT, DOCTOR = "SE2321000131-E000000000712", "SE2321000131-P000000000001"
PATIENT, NEW = "199006022397", "199006022389"
POST = {"unit_hsa_id": UNIT, "position_code": "202010", "title": "Geriatriker", "start": "2023-11-05", "end": None}
STAFF = {
    "vgr_id": "jonka3", "given_name": "Jon", "surname": "Karlström", "licences": ["LK"], "employments": [POST],
}  # fmt: skip
PROFILE = {"role": "specialist", "specialisation": "geriatrik", "patient_group": "äldre", "patient_ceiling": 1800}
#: what is known of the doctor beside the id
KNOWN_OF_DOCTOR = ["jonka3", "Jon", "Karlstr", "Geriatriker", "2023-11-05", "specialist", "geriatrik", "1800"]
ACTOR = {"id": "annsv4", "role": "VC-chef", "unit_hsa_id": UNIT}


class Region:
    """One doctor with a patient, an import that waits for its second part, and figures that were published."""

    def __init__(self, rig: Rig) -> None:
        self.rig, self._offsets = rig, {name: count() for name in ("staff", "listing", "command")}

    async def says(self, name: str, topic: str, type_: str, data: dict[str, Any]) -> None:
        offset = next(self._offsets[name])
        owned = await worker(self.rig, name, [0])
        key = data["hsa_id"] if name == "staff" else "k"
        await owned.handle([message(topic, offset, f"se.vgregion.{type_}.v1", data, key=key.encode())])
        await owned.drained()
        assert owned.positions[0].next_offset == offset + 1

    async def staff(self, version: int, **data: Any) -> None:
        await self.says("staff", KIV_STAFF, "kiv.staff", {"hsa_id": DOCTOR, "version": version, **data})

    async def listing(self, sequence: int, patient: str = PATIENT, **data: Any) -> None:
        current = {"unit_hsa_id": UNIT, "valid_from": "2026-01-01"}
        data = {"patient_id": patient, "sequence": sequence, "current": current, "care_burden": 1.5, **data}
        await self.says("listing", VARDVAL_LISTING, "vardval.listing", data)

    async def command(self, name: str, **data: Any) -> None:
        data = {"unit_hsa_id": UNIT, "actor": ACTOR, **data}
        await self.says("command", LISTNING_COMMAND, f"listning.{name}", data)

    async def part(self, number: int, patient: str) -> None:
        row = {"row": 1, "patient_id": patient, "unit_hsa_id": UNIT, "doctor_hsa_id": DOCTOR}
        await self.command("import-links", import_id=f"fil {PATIENT}", part=number, parts=3, rows=[row])

    async def published(self) -> None:
        """What is in the outbox has been said, and so have the figures."""
        await StatisticsPublisher(self.rig.runtime)(self.rig.runtime.engine)
        await self.rig.pg.execute("DELETE FROM outbox")

    async def rows(self, table: str) -> list[dict[str, Any]]:
        return [dict(row) for row in await self.rig.pg.fetch(f"SELECT * FROM {table}")]


@pytest.fixture
async def region(migrated_url: str) -> AsyncIterator[Region]:
    async with rig_on(migrated_url, doctor_figures_every=60) as rig:
        await rig.pg.execute("UPDATE day SET day = '2026-05-26'")
        region = Region(rig)
        await region.staff(1, **STAFF)
        await region.listing(1)
        await region.command("activate-doctor", doctor_hsa_id=DOCTOR, profile=PROFILE)
        await region.command("link-patient", patient_id=PATIENT, doctor_hsa_id=DOCTOR)
        await region.part(1, PATIENT)
        await region.published()
        assert await traces(rig.pg, forms(PATIENT)) >= {"patient.id", "link.patient_id", "audit.patient_id"}
        assert await traces(rig.pg, KNOWN_OF_DOCTOR) >= {"doctor.name", "doctor.employments", "roster.profile"}
        yield region


async def test_l7_nothing_names_a_protected_patient_but_the_audit_trail(region: Region) -> None:
    await region.listing(2, protected=True)
    await region.part(2, PATIENT)
    assert await traces(region.rig.pg, forms(PATIENT)) == {"audit.patient_id"}
    key = region.rig.runtime.keys.key(int(PATIENT))
    await region.published()
    assert await traces(region.rig.pg, [key]) == {"forgotten.key", "import_part.rows"}
    assert await region.rows("forgotten") == [{"key": key, "sequence": 2, "revision": 2, "reason": "protected"}]


async def test_l9_nothing_names_a_patient_by_the_old_id_but_the_audit_trail(region: Region) -> None:
    type_, data = "vardval.patient-id-changed", {"patient_id": PATIENT, "new_patient_id": NEW, "sequence": 2}
    await region.says("listing", VARDVAL_LISTING, type_, data)
    await region.part(2, PATIENT)
    assert await traces(region.rig.pg, forms(PATIENT)) == {"audit.patient_id"}


async def test_s7_of_a_protected_doctor_the_id_the_version_and_the_mark_are_left(region: Region) -> None:
    await region.staff(2, protected=True, **STAFF)
    await region.published()
    assert await traces(region.rig.pg, KNOWN_OF_DOCTOR) == set()
    assert await traces(region.rig.pg, [DOCTOR]) == {"doctor.hsa_id", "audit.doctor", "import_part.rows"}
    (left,) = await region.rows("doctor")
    assert (left.pop("hsa_id"), left.pop("version"), left.pop("protected")) == (DOCTOR, 2, True)
    for name in ("fact_at", "fact_partition", "fact_offset"):  # when and where the version was said (S11, R2)
        del left[name]
    assert left == {
        "removed": False, "vgr_id": None, "name": None, "licensed": False, "employments": "[]", "next_due": None,
        "last_revision": 4,
    }  # fmt: skip


async def test_s7_a_doctor_who_is_back_says_nothing_under_an_id_that_was_used_before(region: Region) -> None:
    await region.staff(2, protected=True, **STAFF)
    await region.staff(3, **STAFF)
    (entry,) = await region.rows("roster")
    assert (entry["activated"], entry["active"], entry["profile"], entry["statistics"]) == (
        *(False, False),
        '{"work_percent":null,"role":null,"specialisation":null,"st_a":false,"patient_group":null,'
        '"patient_ceiling":null,"age_min":null,"age_max":null}',
        "[0,0.0]",
    )
    headers = [row["headers"] for row in await region.rows("outbox")]
    ids = [found for one in headers for found in [one.partition(b'"ce_id","')[2].partition(b'"')[0]]]
    assert len(ids) == len(set(ids)) > 1
