"""Every hand-written case, clause by clause, on the running service: what 1177, vårdcentraler and operators hear."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.system.oracle.driver import Installation
from tests.system.oracle.play import Play
from tests.system.oracle.programme import missing, programme
from tests.system.oracle.topics import Topics

pytestmark = pytest.mark.system


@pytest.fixture
def play(kafka: Any, migrated_url: str, topic_prefix: str, tmp_path: Path) -> Any:
    installation = Installation(kafka.bootstrap, migrated_url, topic_prefix, tmp_path)
    installation.prepare()
    installation.start(1)
    yield Play(installation, Topics(kafka.bootstrap, topic_prefix))
    installation.stop()


def test_every_case_comes_out_as_written_by_hand(play: Play) -> None:
    stages, steps = programme()
    play.steps(steps)
    heard = play.heard()
    faults = {
        stage.title: found
        for stage in stages
        if (found := list(missing(stage, heard, play.installation.settings.secret)))
    }
    assert faults == {}
    assert list(play.differences()) == []
