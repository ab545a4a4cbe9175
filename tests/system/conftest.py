"""A running installation for a test: topics and database of its own, as many processes as the test wants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.installation import Installation
from tests.harness.session import Session
from tests.harness.topics import Topics

Opener = Callable[..., Session]


@pytest.fixture
def opened(kafka: Any, migrated_url: str, topic_prefix: str, tmp_path: Path) -> Iterator[Opener]:
    """Call it with the number of processes, and settings by their names; what runs then ends with the test."""
    installation = Installation(kafka.bootstrap, migrated_url, topic_prefix, tmp_path)

    def open_with(processes: int = 1, **extra: str) -> Session:
        installation.extra = extra
        installation.prepare(migrate=False)
        installation.start(processes)
        return Session(installation, Topics(kafka.bootstrap, topic_prefix))

    yield open_with
    installation.stop()


@pytest.fixture
def session(opened: Opener) -> Session:
    """One process, nothing said to it yet."""
    return opened(1)
