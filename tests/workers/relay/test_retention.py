"""Dead letters are kept as long as the setting says, and no longer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from infra.postgres import dead_letters
from infra.postgres.dead_letters import DeadLetter
from tests.workers.fixtures import Rig, rig_on
from workers.relay.retention import Retention

NOW = datetime.now(UTC)


@pytest.fixture
async def rig(migrated_url: str) -> AsyncIterator[Rig]:
    async with rig_on(migrated_url) as rig:
        yield rig


def letter(offset: int, age: timedelta) -> DeadLetter:
    """A letter of that age."""
    return DeadLetter(
        "kiv.staff.v1", 0, offset, 0, None, None, [], "invalid_json", "x", None, "1", 1, NOW - age
    )  # fmt: skip


async def test_letters_expire_in_chunks_and_newer_ones_stay(rig: Rig) -> None:
    old = [letter(offset, timedelta(days=3, seconds=1)) for offset in range(2_500)]
    await dead_letters.add(rig.pg, [*old, letter(9_999, timedelta(days=2, hours=23))])
    duty = Retention(3)
    await duty.begin(rig.runtime.engine)
    await duty(rig.runtime.engine)
    assert [row[0] for row in await rig.pg.fetch("SELECT record_offset FROM dead_letter")] == [9_999]


async def test_one_that_is_dead_lettered_again_is_the_same_letter_open_and_with_the_newest_reason(rig: Rig) -> None:
    first = letter(7, timedelta(hours=2))
    await dead_letters.add(rig.pg, [first])
    await rig.pg.execute("UPDATE dead_letter SET state = 'handled'")
    await dead_letters.add(rig.pg, [first._replace(detail="y", release="2", dead_at=NOW)])
    columns = "state, detail, release, attempts, dead_at, last_at"
    (row,) = await rig.pg.fetch(f"SELECT {columns} FROM dead_letter")
    assert tuple(row) == ("open", "y", "2", 2, first.dead_at, NOW)
