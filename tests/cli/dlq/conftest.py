"""The command on a database with dead letters."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.cli.dlq.letters import fill
from tests.cli.test_main import Done, fastlakare

__all__ = ["fastlakare"]

Dlq = Callable[..., Done]


@pytest.fixture
def url(migrated_url: str) -> str:
    """A database with six letters."""
    fill(migrated_url)
    return migrated_url


@pytest.fixture
def dlq(fastlakare: Callable[..., Done], url: str) -> Dlq:
    """Runs `fastlakare dlq` on that database."""
    return lambda *arguments: fastlakare("dlq", *arguments, FASTLAKARE_DATABASE_URL=url)
