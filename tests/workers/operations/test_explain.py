"""Why a patient has the doctor they have, or none: from real rows, as the workers wrote them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest

from infra.postgres import explanation
from infra.postgres.explanation import PatientHistory
from infra.version import version
from tests.workers.town import DOCTOR, NEW_PATIENT, OTHER_UNIT, PATIENT, UNIT, Town, town_on
from workers.operations import explain
from workers.operations.explain import CurrentLink, Listed, NoLink, PatientExplanation, Told

AT_OTHER: dict[str, Any] = {"current": {"unit_hsa_id": OTHER_UNIT, "valid_from": "2026-05-20"}}


@pytest.fixture
async def town(migrated_url: str) -> AsyncIterator[Town]:
    async with town_on(migrated_url) as town:
        yield town


async def by_key(town: Town, patient: str = PATIENT, day: date | None = None) -> PatientExplanation:
    return await explain.by_key(town.rig.runtime.settings, town.key_of(patient), day)


async def by_personnummer(town: Town, patient: str = PATIENT) -> PatientExplanation:
    return await explain.by_personnummer(
        town.rig.runtime.settings, int(patient), None, actor="erikop", reason="ärende 4711"
    )


async def history(town: Town) -> PatientHistory:
    return await explanation.read_patient(town.rig.pg, town.key)


def told(found: PatientExplanation) -> list[tuple[str, str | None, str, str, tuple[str, ...]]]:
    """Of each step what, reason or answer, rule, place and events."""
    return [
        (
            step.what,
            step.reason or step.answer,
            step.rule,
            f"{step.cause.topic}/{step.cause.partition}/{step.cause.offset}",
            step.events,
        )
        for step in found.timeline
    ]


async def test_each_step_names_its_record_rule_and_events_and_the_last_what_is_held(town: Town) -> None:
    await town.linked()
    await town.listing(2, **AT_OTHER)
    found, key = await by_key(town), town.key
    assert told(found) == [
        ("assigned", "linked_by_unit", "C7", "listning.command.v1/0/1", (f"{key}/1",)),
        ("link-patient", "done", "C7", "listning.command.v1/0/1", ("reply/test/0/1",)),
        ("ended", "relisted", "L3", "vardval.listing.v1/0/1", (f"{key}/2",)),
        ("listed", None, "L1", "vardval.listing.v1/0/1", ()),
    ]
    assert {step.release for step in found.timeline[:-1]} == {version()}
    assert [step.actor for step in found.timeline] == ["annsv4", "annsv4", None, None]
    assert found.listed == Listed(OTHER_UNIT, date(2026, 5, 20), None, None, 2)
    assert (found.link, found.no_link) == (None, NoLink("relisted", "L3"))
    assert found.told == Told(2, "ended", f"{key}/2")


async def test_a_link_is_told_with_its_start_and_no_reason_why_there_is_none(town: Town) -> None:
    await town.linked()
    found = await by_key(town)
    assert (found.link, found.no_link) == (CurrentLink(UNIT, DOCTOR, date(2026, 5, 26)), None)
    assert found.told == Told(1, "active", f"{town.key}/1")


async def test_the_json_has_the_promised_shape_and_two_runs_are_equal_byte_for_byte(town: Town) -> None:
    await town.linked()
    first, second = [orjson.dumps((await by_personnummer(town)).as_json()) for _ in range(2)]
    assert first == second
    said = orjson.loads(first)
    assert {"key", "listed", "link", "timeline", "told"} <= said.keys()
    promised = {"at", "what", "rule", "cause", "release", "run", "events"}
    assert all(promised <= step.keys() for step in said["timeline"])
    assert all(step["cause"].keys() == {"topic", "partition", "offset", "source", "id"} for step in said["timeline"])
    assert said["told"].keys() == {"revision", "status", "ce_id"}
    assert said["link"] == {"unit": UNIT, "doctor": DOCTOR, "start": "2026-05-26"}
    assert said["timeline"][0]["at"] == "2026-05-26T12:00:00Z"
    assert PATIENT.encode() not in first


async def test_d4_who_asked_by_personnummer_and_why_stands_in_the_audit_trail_and_not_in_the_timeline(
    town: Town,
) -> None:
    found = await by_personnummer(town)
    assert (found.timeline, found.no_link, found.told) == ((), NoLink("never_heard_of", None), None)
    (row,) = await town.rig.pg.fetch(
        "SELECT what, reason, rule, patient_id, source, run_actor, run_reason, release, revision, topic, actor,"
        " run = message_id FROM audit"
    )
    assert tuple(row) == (
        *("explained", "by_personnummer", "D4", int(PATIENT), "fastlakare", "erikop", "ärende 4711", version()),
        *(None, None, None, True),
    )


async def test_d4_nothing_is_read_where_the_access_cannot_be_written(town: Town) -> None:
    await town.rig.pg.execute("ALTER TABLE audit RENAME TO audit_elsewhere")
    with pytest.raises(Exception, match="audit"):
        await by_personnummer(town)


async def test_an_access_by_key_leaves_nothing(town: Town) -> None:
    await by_key(town)
    assert await town.rig.pg.fetchval("SELECT count(*) FROM audit") == 0


@pytest.mark.parametrize(
    ("listing", "because"),
    [({"current": None}, NoLink("not_listed", "L2")), ({}, NoLink("never_linked", "C7"))],
)
async def test_who_was_never_linked_is_told_apart_by_the_listing(
    town: Town, listing: dict[str, Any], because: NoLink
) -> None:
    await town.listing(**listing)
    found = await by_key(town)
    assert (found.no_link, found.told) == (because, None)


async def test_a_refusal_is_told_with_its_code(town: Town) -> None:
    await town.listing()
    await town.command("link-patient", patient_id=PATIENT, doctor_hsa_id=DOCTOR)
    assert told(await by_key(town))[0] == (
        "link-patient",
        "doctor_not_active",
        "C7",
        "listning.command.v1/0/0",
        ("reply/test/0/0",),
    )


async def test_l7_of_a_protected_patient_the_key_tells_only_that_they_are(town: Town) -> None:
    await town.linked()
    await town.listing(2, protected=True)
    by_their_key, by_their_number = await by_key(town), await by_personnummer(town)
    assert (by_their_key.timeline, by_their_key.listed, by_their_key.first_revision) == ((), None, None)
    assert by_their_key.no_link == by_their_number.no_link == NoLink("protected", "L7")
    assert by_their_key.told == by_their_number.told == Told(2, "withdrawn", f"{town.key}/2")
    assert [step.what for step in by_their_number.timeline] == ["assigned", "link-patient", "withdrawn"]


async def test_l9_of_a_patient_with_a_new_id_both_ids_tell_their_own_part(town: Town) -> None:
    await town.linked()
    await town.new_id(2)
    old, new = await by_personnummer(town), await by_key(town, NEW_PATIENT)
    assert old.no_link == NoLink("moved", "L9")
    assert old.told == Told(2, "withdrawn", f"{town.key}/2")
    assert told(new)[0][:3] == ("rekeyed", "patient_id_changed", "L9")
    assert new.told == Told(1, "active", f"{town.key_of(NEW_PATIENT)}/1")


async def test_a_days_turn_is_told_as_the_cause_of_what_it_brings(town: Town) -> None:
    await town.linked()
    await town.listing(2, upcoming={"unit_hsa_id": OTHER_UNIT, "valid_from": "2026-05-27"})
    before = await by_key(town)
    assert before.listed == Listed(UNIT, date(2026, 1, 1), OTHER_UNIT, date(2026, 5, 27), 2)
    await town.day("2026-05-27")
    found = await by_key(town)
    assert told(found)[-2] == ("ended", "relisted", "L3", "listning.clock.v1/0/0", (f"{town.key}/2",))
    assert found.listed == Listed(OTHER_UNIT, date(2026, 5, 27), None, None, 2)


async def test_a_command_about_many_is_told_of_each_of_them_with_its_answer(town: Town) -> None:
    await town.unit()
    await town.staff()
    await town.listing()
    await town.listing(1, NEW_PATIENT)
    await town.command("activate-doctor", doctor_hsa_id=DOCTOR)
    await town.command("distribute-patients", seed=1)
    for patient in (PATIENT, NEW_PATIENT):
        assert told(await by_key(town, patient))[:2] == [
            ("assigned", "distributed", "C10", "listning.command.v1/0/1", (f"{town.key_of(patient)}/1",)),
            ("distribute-patients", "done", "C10", "listning.command.v1/0/1", ("reply/test/0/1",)),
        ]
    await town.command("deactivate-doctor", doctor_hsa_id=DOCTOR, links="end")
    assert [step[:2] for step in told(await by_key(town))][2:4] == [
        ("ended", "doctor_deactivated"),
        ("deactivate-doctor", "done"),
    ]


async def test_an_actor_who_could_be_a_patients_id_is_left_out(town: Town) -> None:
    await town.linked()
    actor = {"id": "19900602-2397", "role": "VC-chef", "unit_hsa_id": UNIT}
    await town.command("unlink-patient", patient_id=PATIENT, actor=actor)
    found = await by_key(town)
    assert [step.actor for step in found.timeline] == ["annsv4", "annsv4", None, None, None]
    assert found.no_link == NoLink("unlinked_by_unit", "C8")


async def test_ex2_of_a_day_that_is_over_the_audit_trail_tells_what_was_written_until_then(town: Town) -> None:
    await town.linked()
    await town.listing(2, **AT_OTHER)
    real = await history(town)
    written = [datetime(2026, 5, 26, 21, 59, tzinfo=UTC)] * 2 + [datetime(2026, 5, 26, 22, 1, tzinfo=UTC)]
    trail = tuple(row._replace(written_at=at) for row, at in zip(real.trail, written, strict=True))
    dated = replace(real, trail=trail, now=datetime(2026, 6, 1, tzinfo=UTC))
    then = explain.explain(dated, date(2026, 5, 26))
    assert [step.what for step in then.timeline] == ["assigned", "link-patient"]
    assert (then.link, then.listed) == (CurrentLink(UNIT, DOCTOR, None), None)
    assert then.told == Told(1, "active", f"{town.key}/1")
    later = explain.explain(dated, date(2026, 5, 27))
    assert (later.link, later.no_link) == (None, NoLink("relisted", "L3"))
    before = explain.explain(dated, date(2026, 5, 25))
    assert (before.timeline, before.no_link, before.told) == ((), NoLink("never_linked", "C7"), None)
    assert explain.explain(dated, date(2026, 6, 1)) == explain.explain(dated)


async def test_ex2_a_link_that_stands_unchanged_since_that_day_has_its_start(town: Town) -> None:
    await town.linked()
    now = await history(town)
    tomorrow = replace(now, now=now.now + timedelta(days=2))
    then = explain.explain(tomorrow, now.now.date() + timedelta(days=1))
    assert then.link == CurrentLink(UNIT, DOCTOR, date(2026, 5, 26))


async def test_ex3_where_older_rows_were_deleted_the_first_revision_says_where_knowledge_begins(town: Town) -> None:
    await town.linked()
    await town.listing(2, **AT_OTHER)
    whole = await history(town)
    assert explain.explain(whole).first_revision == 1
    later = replace(whole, trail=whole.trail[2:])
    assert explain.explain(later).first_revision == 2
    assert explain.explain(later).told == Told(2, "ended", f"{town.key}/2")


async def test_what_an_operators_run_caused_names_the_run(town: Town) -> None:
    await town.linked()
    real = await history(town)
    again = replace(real, trail=tuple(row._replace(run="2026-06-01-a1") for row in real.trail))
    assert [step["run"] for step in explain.explain(again).as_json()["timeline"]] == ["2026-06-01-a1"] * 2 + [None]
