"""Why a doctor takes new patients at a unit, or not: from real rows, as the workers wrote them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import orjson
import pytest

from handlers.world.changes import Pair
from infra.postgres import explanation
from tests.workers.town import DOCTOR, OTHER_UNIT, PATIENT, POST, UNIT, Town, town_on
from workers.operations import explain_doctor
from workers.operations.explain import Told
from workers.operations.explain_doctor import AtUnit, DoctorExplanation, UnitNow
from workers.relay.statistics import StatisticsPublisher

PAIR = Pair(UNIT, DOCTOR)
KEY = f"{UNIT}/{DOCTOR}"


@pytest.fixture
async def town(migrated_url: str) -> AsyncIterator[Town]:
    async with town_on(migrated_url) as town:
        yield town


async def explained(town: Town, pair: Pair = PAIR, day: date | None = None) -> DoctorExplanation:
    return await explain_doctor.of_pair(town.rig.runtime.settings, pair, day)


async def test_each_step_of_the_pair_is_told_and_the_facts_that_are_held(town: Town) -> None:
    await town.linked()
    found = await explained(town)
    assert [
        (step.what, step.reason or step.answer, step.rule, step.cause.topic, step.cause.offset, step.events)
        for step in found.timeline
    ] == [
        ("doctor_published", "not_active", "S3", "kiv.staff.v1", 0, (f"{KEY}/1",)),
        ("doctor_published", "available", "S1", "listning.command.v1", 0, (f"{KEY}/2",)),
        ("activate-doctor", "done", "C4", "listning.command.v1", 0, ("reply/test/0/0",)),
        ("unit", None, "S9", "kiv.unit.v1", 0, ()),
        ("person", None, "S2", "kiv.staff.v1", 0, ()),
    ]
    assert found.unavailable_because == ()
    assert found.unit == UnitNow(UNIT, UNIT, False, "vardcentral", None, False)
    assert found.at_unit == AtUnit(True, True, None, None, None, 1)
    assert found.person is not None
    assert [(one.counts, one.because) for one in found.person.employments] == [(True, None)]
    assert found.told == Told(2, "published", f"{KEY}/2")


async def test_a_record_for_figures_alone_is_in_no_trail_and_yet_what_was_told_last(town: Town) -> None:
    await town.linked()
    await StatisticsPublisher(town.rig.runtime)(town.rig.runtime.engine)
    found = await explained(town)
    assert found.told == Told(3, "published", f"{KEY}/3")
    assert found.told.revision == max(await revisions(town))


async def revisions(town: Town) -> list[int]:
    """Of the pair's records in the outbox."""
    rows = await town.rig.pg.fetch("SELECT headers FROM outbox WHERE key = $1", KEY.encode())
    ids = [dict(orjson.loads(row[0]))["ce_id"] for row in rows]
    return [int(one.rpartition("/")[2]) for one in ids]


@pytest.mark.parametrize(
    ("employment", "because"),
    [
        ({"unit_hsa_id": OTHER_UNIT}, "other_unit"),
        ({"position_code": "301010"}, "position_code"),
        ({"start": "2026-05-27"}, "not_begun"),
        ({"end": "2026-05-25"}, "over"),
    ],
)
async def test_s3_an_employment_that_does_not_count_says_why(
    town: Town, employment: dict[str, Any], because: str
) -> None:
    await town.linked()
    await town.staff(2, employments=[{**POST, **employment}])
    found = await explained(town)
    assert found.person is not None
    assert [(one.counts, one.because) for one in found.person.employments] == [(False, because)]
    assert found.unavailable_because == ("not_selectable", "not_active")


async def test_s3_without_a_licence_no_employment_counts(town: Town) -> None:
    await town.linked()
    await town.staff(2, licences=[])
    found = await explained(town)
    assert found.person is not None
    assert (found.person.licensed, [one.because for one in found.person.employments]) == (False, ["not_licensed"])


async def test_what_else_keeps_a_doctor_from_new_patients_is_told_in_the_topics_words(town: Town) -> None:
    await town.linked()
    absences = [{"start": "2026-05-01", "end": "2026-06-01"}]
    await town.staff(2, employments=[{**POST, "absences": absences}])
    await town.command("update-doctor-profile", doctor_hsa_id=DOCTOR, profile={"patient_ceiling": 1})
    await town.command("pause-doctor", doctor_hsa_id=DOCTOR, start="2026-05-26")
    found = await explained(town)
    assert found.unavailable_because == ("paused", "absent", "ceiling_reached")
    assert found.at_unit == AtUnit(True, True, date(2026, 5, 26), None, 1, 1)
    await town.unit(2, end="2026-05-20")
    closed = await explained(town)
    assert closed.unavailable_because == ("not_active", "absent", "unit_closed")
    assert closed.unit is not None
    assert (closed.unit.closed, closed.unit.end) == (True, date(2026, 5, 20))


async def test_s9_a_unit_that_was_replaced_names_the_one_it_means(town: Town) -> None:
    await town.linked()
    await town.unit(1, OTHER_UNIT)
    await town.unit(2, end="2026-05-20", replaced_by=OTHER_UNIT)
    old, new = await explained(town), await explained(town, Pair(OTHER_UNIT, DOCTOR))
    assert old.unit is not None
    assert (old.unit.means, old.told) == (OTHER_UNIT, Told(3, "withdrawn", f"{KEY}/3"))
    assert new.unavailable_because == ()
    assert new.person is not None
    assert [(one.unit, one.means, one.counts) for one in new.person.employments] == [(UNIT, OTHER_UNIT, True)]


async def test_s7_of_a_protected_doctor_the_pair_is_gone(town: Town) -> None:
    await town.linked()
    await town.staff(2, protected=True)
    found = await explained(town)
    assert found.unavailable_because == ("not_selectable", "not_active")
    assert found.person is not None
    assert (found.person.protected, found.person.employments) == (True, ())
    assert found.told == Told(3, "withdrawn", f"{KEY}/3")


async def test_a_pair_of_which_nothing_was_heard_says_so(town: Town) -> None:
    found = await explained(town)
    assert (found.timeline, found.person, found.told) == ((), None, None)
    assert found.unavailable_because == ("not_selectable", "not_active")


async def test_no_patient_is_told_of_and_two_runs_are_equal_byte_for_byte(town: Town) -> None:
    await town.linked()
    first, second = [orjson.dumps((await explained(town)).as_json()) for _ in range(2)]
    assert first == second
    assert PATIENT.encode() not in first
    assert town.key.encode() not in first


async def test_ex2_of_a_day_that_is_over_the_audit_trail_tells_what_was_said(town: Town) -> None:
    await town.linked()
    async with town.rig.runtime.engine.connect() as connection:
        pg = (await connection.get_raw_connection()).driver_connection
        real = await explanation.read_doctor(pg, PAIR)
    written = [datetime(2026, 5, 24, 12, tzinfo=UTC)] + [datetime(2026, 5, 25, 12, tzinfo=UTC)] * 2
    trail = tuple(row._replace(written_at=at) for row, at in zip(real.trail, written, strict=True))
    dated = replace(real, trail=trail, now=datetime(2026, 6, 1, tzinfo=UTC))
    policy = town.rig.runtime.settings.policy
    said = [explain_doctor.explain(dated, policy, date(2026, 5, day)) for day in (23, 24, 25)]
    assert [one.unavailable_because for one in said] == [None, ("not_active",), ()]
    assert [one.told and one.told.revision for one in said] == [None, 1, 2]
    assert {one.person for one in said} == {None}
