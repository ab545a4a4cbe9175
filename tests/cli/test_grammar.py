"""Every command that changes something has one grammar: a preview, `--dry-run`, or `--yes --reason`."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from infra.postgres import release_guards
from infra.version import version
from schemas.topics import VARDVAL_LISTING
from tests.cli.calls import ON_A_DATABASE, ON_AN_INSTALLATION
from tests.cli.dlq.letters import contents, fill, on
from tests.cli.test_main import Done, fastlakare
from tests.harness.commands import called, commands

__all__ = ["fastlakare"]


def options(command: object) -> set[str]:
    """The options of a command."""
    return {name for parameter in getattr(command, "params", ()) for name in parameter.opts}


@pytest.fixture
def url(migrated_url: str) -> str:
    """A database with open and discarded letters, and a release that is stopped."""
    fill(migrated_url)
    on(migrated_url, lambda pg: release_guards.stop(pg, VARDVAL_LISTING, version(), 1, "stopped at offset 7: x"))
    return migrated_url


def test_o1_every_command_that_can_be_sure_can_be_tried_and_asks_for_a_reason() -> None:
    changing = {words: options(command) for words, command in commands() if "--yes" in options(command)}
    assert [words for words, known in changing.items() if not {"--dry-run", "--reason", "--json"} <= known] == []
    calls = ON_A_DATABASE + ON_AN_INSTALLATION
    assert changing.keys() == {tuple(one[: len(one) - len(called(one)[1])]) for one in calls}, "each is walked"


@pytest.mark.parametrize("arguments", ON_A_DATABASE, ids=" ".join)
@pytest.mark.parametrize("as_json", [[], ["--json"]], ids=["text", "json"])
def test_o1_no_bare_call_and_no_dry_run_ever_writes(
    fastlakare: Callable[..., Done],
    url: str,
    arguments: list[str],
    as_json: list[str],
) -> None:
    before = contents(url)
    for more, status in ([], 2), (["--reason", "why"], 2), (["--dry-run"], 0), (["--yes"], 2):
        done = fastlakare(*arguments, *as_json, *more, FASTLAKARE_DATABASE_URL=url)
        assert done.status == status, more
        assert bool(done.stdout) == (more != ["--yes"])
        if as_json and done.stdout:
            assert json.loads(done.stdout)["dry_run"] is True
    assert contents(url) == before
    assert fastlakare(*arguments, "--yes", "--reason", "why", FASTLAKARE_DATABASE_URL=url).status == 0
    assert contents(url) != before
