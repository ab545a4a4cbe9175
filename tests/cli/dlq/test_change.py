"""`dlq discard`, `dlq restore` and `dlq release-guard`: the grammar, what they change, and what they leave behind."""

from __future__ import annotations

import json
import sys

import pytest

from infra.postgres import release_guards
from infra.version import version
from schemas.topics import KIV_STAFF, VARDVAL_LISTING
from tests.cli.dlq.conftest import Dlq
from tests.cli.dlq.letters import IDS, audited, contents, on, rows, states
from tests.harness.terminal import on_a_terminal

SURE = ("--yes", "--reason", "case 17")


@pytest.fixture(autouse=True)
def stopped(url: str) -> None:
    """A release is stopped, too."""
    on(url, lambda pg: release_guards.stop(pg, VARDVAL_LISTING, version(), 1, "stopped at offset 7: x"))


def test_discarding_changes_the_state_of_open_letters_and_no_byte_of_any(dlq: Dlq, url: str) -> None:
    others = (
        "topic, partition, record_offset, record_timestamp, key, value, headers, code, detail, fingerprint, release"
    )
    query = f"SELECT {others}, attempts, dead_at, last_at FROM dead_letter ORDER BY record_offset"
    before = rows(url, query)

    done = dlq("discard", "--all", "--json", *SURE)

    result = json.loads(done.stdout)
    assert (done.status, result["operation"], result["dry_run"]) == (0, "discard", False)
    assert result["letters"] == {"open": 4, "handled": 1, "discarded": 1}
    assert (result["changed"], result["not_included"]) == (4, 0)
    assert states(url) == ["discarded"] * 5 + ["handled"]
    assert rows(url, query) == before


def test_every_operation_has_a_row_in_the_audit_trail_and_every_letter_joined_by_the_run(dlq: Dlq, url: str) -> None:
    result = json.loads(dlq("discard", "--topic", KIV_STAFF, "--json", *SURE).stdout)
    assert audited(url) == [
        ("dlq discard", f"topic {KIV_STAFF}", None, None, None, "case 17"),
        ("dlq discard", "invalid_data", KIV_STAFF, 0, 4, "case 17"),
    ]
    ((run, actor, release),) = rows(url, "SELECT DISTINCT run, run_actor, release FROM audit")
    assert (run, release) == (result["run"], version())
    assert "@" in actor


def test_restoring_opens_what_was_discarded_and_nothing_else(dlq: Dlq, url: str) -> None:
    done = dlq("restore", "--all", *SURE)
    assert (done.status, states(url)) == (0, ["open"] * 5 + ["handled"])
    assert done.stdout.startswith("restore: 1 letters, run ")
    assert dlq("restore", "--all", *SURE).stdout == "nothing to restore\n"
    assert len(audited(url)) == 2


def test_ids_choose_letters_and_one_that_is_not_there_changes_none(dlq: Dlq, url: str) -> None:
    before = contents(url)
    refused = dlq("discard", IDS[0], f"{KIV_STAFF}/9/9", *SURE)
    assert (refused.status, refused.stdout) == (1, "")
    assert "number 2 of the ids given" in refused.stderr
    assert contents(url) == before
    assert dlq("discard", IDS[0], IDS[2], IDS[0], *SURE).status == 0
    assert states(url) == ["discarded", "open", "discarded", "open", "discarded", "handled"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--all", "--topic", KIV_STAFF],
        ["--all", IDS[0]],
        [IDS[0], "--code", "invalid_data"],
        ["--topic", "nonsense"],
        ["--topic", f"{KIV_STAFF}.dlq"],
    ],
)
def test_a_choice_that_says_nothing_or_contradicts_itself_ends_with_2(dlq: Dlq, arguments: list[str]) -> None:
    done = dlq("discard", *arguments, *SURE)
    assert (done.status, done.stdout) == (2, "")


def test_a_guard_is_lifted_with_a_row_in_the_audit_trail(dlq: Dlq, url: str) -> None:
    said = dlq("release-guard", "--dry-run").stdout
    assert said.startswith(f"{VARDVAL_LISTING}, release {version()}: 0 records failed; partitions 1\n")
    assert "stopped at offset 7: x" in said
    assert dlq("release-guard", "--topic", KIV_STAFF, *SURE).stdout == "nothing is stopped\n"

    result = json.loads(dlq("release-guard", "--topic", VARDVAL_LISTING, "--json", *SURE).stdout)

    assert [(one["topic"], one["partitions"]) for one in result["guards"]] == [(VARDVAL_LISTING, [1])]
    assert rows(url, "SELECT * FROM release_guard") == []
    assert audited(url) == [
        ("dlq release-guard", "guards", None, None, None, "case 17"),
        ("dlq release-guard", f"release {version()}", VARDVAL_LISTING, 1, None, "case 17"),
    ]
    assert dlq("release-guard", *SURE).stdout == "nothing is stopped\n"


@pytest.mark.parametrize(("typed", "status"), [(b"y\nwhy\n", 0), (b"n\n", 2)])
def test_o9_on_a_terminal_the_preview_and_the_question_are_no_part_of_the_json(
    url: str, typed: bytes, status: int
) -> None:
    command = [sys.executable, "-m", "cli.main", "dlq", "discard", "--all", "--json"]
    done = on_a_terminal(command, typed, {"FASTLAKARE_DATABASE_URL": url})
    assert "6 letters: 4 open, 1 handled, 1 discarded" in done.shown
    assert "Discard the 4 that are open? [y/N]" in done.shown
    assert done.status == status
    assert (json.loads(done.stdout)["changed"] == 4) if status == 0 else (done.stdout == "")
    assert states(url).count("discarded") == (5 if status == 0 else 1)
