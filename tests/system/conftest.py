"""A running installation for a test: topics and database of its own, as many processes as the test wants."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.oracle.driver import Installation
from tests.system.oracle.play import Play
from tests.system.oracle.topics import Topics

Opener = Callable[..., Play]


def seeds(*few: int) -> list[int]:
    """The seeds of a test: these few, or as many as FASTLAKARE_TEST_SEEDS says (`200`, or `1000-1200`)."""
    wanted = os.environ.get("FASTLAKARE_TEST_SEEDS")
    if not wanted:
        return list(few)
    first, _, last = wanted.partition("-")
    return list(range(int(first), int(last))) if last else list(range(int(first)))


@pytest.fixture
def opened(kafka: Any, migrated_url: str, topic_prefix: str, tmp_path: Path) -> Iterator[Opener]:
    """Call it with the number of processes, and settings by their names; what runs then ends with the test."""
    installation = Installation(kafka.bootstrap, migrated_url, topic_prefix, tmp_path)

    def open_with(processes: int = 1, **extra: str) -> Play:
        installation.extra = extra
        installation.prepare()
        installation.start(processes)
        return Play(installation, Topics(kafka.bootstrap, topic_prefix))

    yield open_with
    installation.stop()


@pytest.fixture
def play(opened: Opener) -> Play:
    """One process, nothing said to it yet."""
    return opened(1)
