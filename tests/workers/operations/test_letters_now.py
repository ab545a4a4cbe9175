"""What would come of dead letters today, group by group."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import pytest

from infra.postgres import chosen_letters, dead_letters
from infra.postgres.chosen_letters import Choice, Group
from infra.postgres.dead_letters import DeadLetter
from schemas.topics import KIV_STAFF, LISTNING_CLOCK, LISTNING_COMMAND, VARDVAL_LISTING
from tests.harness.records import Record, Sender, choice, employment
from tests.workers.fixtures import Rig, rig_on
from tests.workers.operations.eventful import BUSY, HOME, PATIENTS, STAYER
from tests.workers.operations.lived import Service, contents
from workers.operations import letters_now
from workers.operations.letters_now import MOST_JUDGED, outcomes

NOW = datetime(2026, 5, 26, 9, tzinfo=UTC)


@pytest.fixture
async def rig(migrated_url: str) -> AsyncIterator[Rig]:
    async with rig_on(migrated_url) as rig:
        yield rig


@pytest.fixture
async def service(rig: Rig) -> Service:
    """One unit with an active doctor, and a patient who is listed there."""
    service = await Service.on(rig)
    for record in (
        SENDER.day("2026-05-26"),
        SENDER.unit(HOME, 1),
        SENDER.staff(STAYER, 3, employments=[employment(HOME)]),
        listing(PATIENTS[0], 2),
        SENDER.command("activate-doctor", HOME, doctor_hsa_id=STAYER, id="activate"),
    ):
        await service.handle(service.append(record))
    return service


SENDER = Sender(NOW, source="letters")


def listing(patient: str, sequence: int, unit: str = HOME) -> Record:
    return SENDER.listing(patient, sequence, patient, current=choice(unit, "2026-01-01"))


def linked(patient: str, doctor: str = STAYER) -> Record:
    return SENDER.command("link-patient", HOME, patient_id=patient, doctor_hsa_id=doctor)


async def died(rig: Rig, records: Sequence[Record], code: str = "handler_failed", **changes: Any) -> None:
    """The records are dead letters of a bug, at offsets behind all others."""
    letters = [
        DeadLetter(
            one.topic, 0, 1_000 + number, one.timestamp, (one.key or "").encode(), one.value, list(one.headers), code,
            "RuntimeError at x", "RuntimeError in handlers", "0.9.0", 1, NOW,
        )._replace(**changes)
        for number, one in enumerate(records)
    ]  # fmt: skip
    await dead_letters.add(rig.pg, letters)


async def groups(rig: Rig, topic: str | None = None) -> list[Group]:
    return list(await chosen_letters.groups(rig.pg, Choice(topic=topic)))


async def now(rig: Rig, group: Group, seconds: float = 60) -> object:
    before = await contents(rig)
    found = await outcomes(rig.runtime, Choice(), group, monotonic() + seconds)
    assert await contents(rig) == before
    return found


async def test_facts_would_be_applied_or_are_superseded_or_fail_again(rig: Rig, service: Service) -> None:
    unreadable = replace(listing(PATIENTS[3], 1), value=b"{}")
    await died(rig, [listing(PATIENTS[0], 1), listing(PATIENTS[0], 2), listing(PATIENTS[1], 1), unreadable])
    (group,) = await groups(rig)
    assert await now(rig, group) == {"applied": 1, "dead": 1, "stale": 1, "unchanged": 1}


async def test_commands_would_be_answered_once(rig: Rig, service: Service) -> None:
    known = SENDER.command("activate-doctor", HOME, doctor_hsa_id=STAYER, id="activate")
    new = linked(PATIENTS[0])
    await died(rig, [known, new, new, linked(PATIENTS[0], BUSY)])
    (group,) = await groups(rig)
    assert await now(rig, group) == {"accepted": 1, "refused": 1, "repeated": 2}


async def test_each_group_is_judged_by_itself(rig: Rig, service: Service) -> None:
    await died(rig, [listing(PATIENTS[1], 1)])
    await died(rig, [SENDER.staff(BUSY, 1), SENDER.staff(STAYER, 1)])
    await died(rig, [SENDER.unit(HOME, 1)], code="invalid_data", fingerprint=None)
    assert {group.topic: await now(rig, group) for group in await groups(rig)} == {
        VARDVAL_LISTING: {"applied": 1},
        KIV_STAFF: {"applied": 1, "stale": 1},
        "kiv.unit.v1": {"unchanged": 1},
    }


async def test_only_open_letters_are_judged(rig: Rig, service: Service) -> None:
    await died(rig, [listing(PATIENTS[1], 1), listing(PATIENTS[2], 1)])
    await rig.pg.execute("UPDATE dead_letter SET state = 'discarded' WHERE record_offset = 1000")
    (group,) = await groups(rig)
    assert await now(rig, group) == {"applied": 1}


async def test_of_too_many_the_newest_are_judged_and_the_rest_is_counted(
    rig: Rig, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters_now, "MOST_JUDGED", 2)
    await died(rig, [listing(patient, 1) for patient in PATIENTS[1:6]])
    (group,) = await groups(rig)
    assert await now(rig, group) == {"applied": 2, "not_judged": 3}
    assert MOST_JUDGED == 10_000


async def test_what_would_take_too_long_is_counted_as_not_judged(rig: Rig, service: Service) -> None:
    await died(rig, [listing(PATIENTS[1], 1)])
    await died(rig, [listing(patient, 1) for patient in PATIENTS[1:4]], partition=1)
    (group,) = await groups(rig)
    assert await now(rig, group, seconds=-1) == {"applied": 1, "not_judged": 3}


async def test_r4_letters_of_the_clock_are_not_judged(rig: Rig, service: Service) -> None:
    await died(rig, [SENDER.day("2026-05-27")])
    (group,) = await groups(rig, LISTNING_CLOCK)
    assert await now(rig, group) is None


async def test_t3_before_the_first_day_nothing_is_judged(rig: Rig) -> None:
    await died(rig, [linked(PATIENTS[0])])
    (group,) = await groups(rig, LISTNING_COMMAND)
    assert await now(rig, group) is None
