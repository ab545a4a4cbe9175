"""A database on which a day has begun."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.workers.fixtures import Rig, rig_on


@pytest.fixture
async def rig(migrated_url: str) -> AsyncIterator[Rig]:
    async with rig_on(migrated_url) as rig:
        await rig.pg.execute("UPDATE day SET day = '2026-05-26'")
        yield rig
