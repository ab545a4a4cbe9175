"""What if: what it says of records is what they then do, and nothing of it shows anywhere before."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from infra.postgres.rehearsal import snapshot
from schemas.record_lines import LineRecord
from tests.harness.records import Record
from tests.workers.fixtures import Rig, rig_on
from tests.workers.operations.eventful import eventful
from tests.workers.operations.lived import Handled, Service, contents, history
from workers.operations.what_if import Expected, WhatIf, what_if


@pytest.fixture
async def rig(migrated_url: str) -> AsyncIterator[Rig]:
    async with rig_on(migrated_url) as rig:
        yield rig


def lines(records: Sequence[Record]) -> list[tuple[int, LineRecord]]:
    """As a file has them."""
    return [
        (
            number,
            LineRecord(
                one.topic, None if one.key is None else one.key.encode(), list(one.headers), one.value, one.timestamp
            ),
        )
        for number, one in enumerate(records, start=1)
    ]


async def asked(rig: Rig, records: Sequence[Record]) -> WhatIf:
    async with snapshot(rig.runtime.engine) as state:
        return await what_if(rig.runtime, state, lines(records))


async def said_and_done(rig: Rig, service: Service, file: Sequence[Record]) -> None:
    """What is said of the file's records is what they then do, and shows nowhere before."""
    before = await contents(rig)
    said = await asked(rig, file)
    assert await contents(rig) == before
    expected = [
        Handled(one.outcome, sorted((e.topic, e.id) for e in one.events), reply_of(one)) for one in said.records
    ]
    assert [await service.heard(record) for record in file] == expected


def reply_of(one: Expected) -> tuple[object, ...] | None:
    """Code, message and counts."""
    return None if one.reply is None else (one.reply["code"], one.reply["message"], one.reply["counts"])


# histories in which many commands are accepted, and days end links
@pytest.mark.parametrize("seed", [12, 46, 89, 131, 140, 239, 282])
async def test_o2_what_is_said_of_mixed_records_is_what_they_then_do(rig: Rig, seed: int) -> None:
    service, records = await Service.on(rig), history(seed, 120)
    for record in records[:40]:
        await service.handle(service.append(record))
    for start in range(40, len(records), 50):
        await said_and_done(rig, service, records[start : start + 50])


@pytest.mark.parametrize("handled", [1, 13, 25, 40, 55, 67])
async def test_o2_later_records_see_what_earlier_ones_of_the_file_would_change(rig: Rig, handled: int) -> None:
    service, records = await Service.on(rig), eventful()
    for record in records[:handled]:
        await service.handle(service.append(record))
    await said_and_done(rig, service, records[handled:])
